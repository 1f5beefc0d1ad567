/** Plays the story step by step, each after the one before has come to where it can be seen. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { signatureHeader, signBody } from "../webhook/signature";
import type { Narrator } from "./narrator";
import type { Stage } from "./stage";
import type { Customer, Expected, Step, Story } from "./story";

/** A message that the story sent, and what it is to become. */
export interface Played {
  /** Genesys Cloud's id, or the bridge's. */
  messageId: string;
  title: string;
  kind: string;
  customer: Customer;
  /** How often it was sent. */
  sent: number;
  expected: Expected;
}

/** A request that did not come from Genesys Cloud, and its answer. */
export interface Forged {
  status: number;
  expectedStatus: number;
}

export interface PlayDeps {
  stage: Stage;
  narrator: Narrator;
  /** Genesys Cloud's ids of messages that a phone was shown, or a typing sign. */
  isOnScreen(messageId: string): boolean;
  /** How long a single thing may take, in milliseconds. */
  patienceMs: number;
}

type StepOf<Type extends Step["type"]> = Extract<Step, { type: Type }>;

/** Plays all scenes, then waits until every message has its fate and every mail has come. */
export async function playStory(story: Story, deps: PlayDeps): Promise<{ played: Played[]; forged: Forged[] }> {
  const { stage, narrator, patienceMs } = deps;
  const played: Played[] = [];
  const forged: Forged[] = [];
  for (const [index, { title, steps }] of story.scenes.entries()) {
    narrator.scene(index + 1, title);
    for (const step of steps) {
      if (step.type === "say") played.push(await say(step, deps));
      else if (step.type === "answer") played.push(...(await answer(step, deps)));
      else forged.push(await forge(step, deps));
    }
  }
  narrator.scene(story.scenes.length + 1, story.ending);
  await stage.until(
    async () => stage.inbox.mails().length >= story.mails.length && !(await isAnyOpen(stage)),
    patienceMs,
  );
  return { played, forged };
}

async function say(step: StepOf<"say">, { stage, narrator, isOnScreen, patienceMs }: PlayDeps): Promise<Played> {
  const { to, by, what, expected } = step;
  const kind = kinds[what.kind];
  const title = "text" in what && what.text !== undefined ? `"${what.text}"` : `(${kind})`;
  if (step.answerLost) stage.simulator.faults.add({ webhook: stage.integrationId, loseAnswers: 1, count: 1 });

  const release = narrator.hold();
  const said = stage.simulator.say({ recipient: { id: to.id, idType: to.idType } }, what, { purpose: by });
  const { messageId } = said;
  narrator.name(messageId, title);
  const { attempts } = await said.sent;
  release(() => {
    for (const { status } of attempts) {
      const result = status === undefined ? "answer lost" : status === 200 ? "stored: 200" : `HTTP ${status}`;
      narrator.say(["Genesys", "bridge", `${kind} for ${to.name}: ${title}`, result]);
    }
  });

  const tellsGenesys = expected.receipt !== "none";
  await stage.until(
    () => (tellsGenesys ? stage.simulator.receiptsFor(messageId).length > 0 : isOnScreen(messageId)),
    patienceMs,
  );
  return { messageId, title, kind, customer: to, sent: attempts.length, expected };
}

/** What a customer writes, and the receipt by which Genesys Cloud says that agents see it. */
async function answer(step: StepOf<"answer">, { stage, narrator, patienceMs }: PlayDeps): Promise<Played[]> {
  const { from, text, expected, report } = step;
  const title = `"${text}"`;
  const release = narrator.hold();
  const customer = { id: from.id, idType: from.idType, nickname: from.name };
  const published = stage.simulator.next("webhook", ({ ended }) => ended === "accepted", patienceMs);
  const messageId = (await stage.chat.write(stage.integrationId, customer, text)) ?? "";
  release(() =>
    narrator.say(["chat", "bridge", `${from.name} writes: ${title}`, messageId ? "stored: 202" : "refused"]),
  );
  const reported = await published.then(
    () => "stored: 200",
    () => "not sent",
  );
  narrator.say(["Genesys", "bridge", `receipt: ${from.name}'s message is published`, reported]);
  await stage.until(async () => !(await isAnyOpen(stage, "inbound")), patienceMs);
  const receiptId = await findReceipt(stage);
  return [
    { messageId, title, kind: "text", customer: from, sent: 1, expected },
    { messageId: receiptId, title: `published: ${title}`, kind: "receipt", customer: from, sent: 1, expected: report },
  ];
}

/** A request that looks right, signed with a secret that somebody guessed. */
async function forge(step: StepOf<"forge">, { stage, narrator }: PlayDeps): Promise<Forged> {
  const { to, text, expectedStatus } = step;
  const messageId = randomBytes(16).toString("hex");
  const body = JSON.stringify({
    id: messageId,
    channel: {
      ...channelOf(stage),
      to: { id: to.id, idType: to.idType },
      from: { id: stage.integrationId },
      messageId,
    },
    type: "Text",
    text,
    direction: "Outbound",
  });
  const headers = {
    "content-type": "application/json",
    [signatureHeader]: signBody(Buffer.from(body), "a-secret-that-was-guessed"),
  };
  const { status } = await fetch(stage.webhookUrl, { method: "POST", headers, body });
  const result = status === 401 ? "refused: 401" : `HTTP ${status}`;
  narrator.say(["somebody", "bridge", `text for ${to.name}: "${text}"`, result]);
  return { status, expectedStatus };
}

function channelOf(stage: Stage) {
  return { id: stage.integrationId, platform: "Open", type: "Private", time: new Date().toISOString() };
}

async function isAnyOpen(stage: Stage, direction?: "inbound"): Promise<boolean> {
  const of = direction === undefined ? "" : `&direction=${direction}`;
  return (await listIds(stage, `fate=open&limit=1${of}`)).length > 0;
}

/** The bridge's id of Genesys Cloud's newest receipt. */
async function findReceipt(stage: Stage): Promise<string> {
  const [id = ""] = await listIds(stage, "kind=receipt&limit=1");
  return id;
}

async function listIds(stage: Stage, query: string): Promise<string[]> {
  const page = z.object({ items: z.array(z.object({ id: z.string() })) });
  return page.parse(await stage.ask(`/messages?${query}`)).items.map(({ id }) => id);
}

/** What the bridge calls what the simulator can say. */
const kinds = {
  text: "text",
  media: "media",
  template: "template",
  quickReplies: "structured",
  card: "structured",
  carousel: "structured",
  datePicker: "structured",
  typing: "typing",
} as const;
