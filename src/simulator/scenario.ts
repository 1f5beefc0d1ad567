/**
 * Scripted scenarios: what agents, visitors and Genesys Cloud do, and what a connector has to make of it. A scenario is JSON:
 *
 *     { "name": "a message arrives",
 *       "steps": [
 *         { "say": { "to": "crew-7781", "text": "Good morning" }, "as": "greeting" },
 *         { "expect": { "webhook": "accepted", "of": "greeting" } },
 *         { "expect": { "status": "delivery-success", "of": "greeting" }, "withinSeconds": 10 },
 *         { "fault": { "route": "POST /api/v2/**", "status": 503, "retryAfterSeconds": 2, "count": 1 } },
 *         { "expect": { "inbound": { "text": "Thank you" } } } ] }
 *
 * Steps: `say` (as `/_say`; `"in": NAME` stays in the conversation of a step), `webchat`, `browser`, `disconnect`, `event`, `fault`,
 * `status`, `waitSeconds`, and `expect`. `as` names what a step made, `of` speaks of it.
 */
import { z } from "zod";
import { ApiError } from "./api-error";
import { fault } from "./faults";
import { utterance } from "./outbound-message";
import type { Simulator } from "./simulator";
import { messageStatus } from "./state";
import { topics } from "./trigger-topics";
import type { WebhookRecord } from "./webhook-sender";

const name = z.string().min(1);
/** How a step is shown; what it does when absent. */
const note = { note: z.string().optional() };

const say = z.looseObject({
  to: z.string().optional(),
  in: name.optional(),
  integrationId: z.string().optional(),
  by: z.enum(["agent", "bot", "workflow"]).default("agent"),
});
const expectation = z.union([
  /** How the webhook of a message ended. */
  z.strictObject({ webhook: z.enum(["accepted", "refused", "given up"]), of: name }),
  /** What became of a message. */
  z.strictObject({ status: messageStatus, of: name }),
  /** What the connector reported of it. */
  z.strictObject({ receipt: z.string(), of: name, code: z.string().optional() }),
  /** That a customer's message came in. */
  z.strictObject({ inbound: z.strictObject({ text: z.string().optional(), from: z.string().optional() }) }),
  /** That a trigger's URL answered so. */
  z.strictObject({ trigger: z.int() }),
  /** That no more than so many requests fell into any minute. */
  z.strictObject({ requestsPerMinute: z.int() }),
]);
type Expectation = z.infer<typeof expectation>;

const step = z.union([
  z.strictObject({ ...note, say, as: name.optional() }),
  z.strictObject({ ...note, webchat: z.strictObject({ contactId: z.string().optional() }), as: name }),
  z.strictObject({ ...note, browser: z.enum(["gone", "back"]), of: name }),
  z.strictObject({ ...note, disconnect: z.enum(["customer", "agent", "system"]), of: name }),
  z.strictObject({
    ...note,
    event: z.strictObject({ topic: z.enum(topics), event: z.record(z.string(), z.unknown()) }),
  }),
  z.strictObject({ ...note, fault, as: name.optional() }),
  z.strictObject({ ...note, clearFaults: z.literal(true) }),
  z.strictObject({ ...note, status: messageStatus, of: name }),
  z.strictObject({ ...note, waitSeconds: z.number().positive().max(3600) }),
  z.strictObject({ ...note, expect: expectation, withinSeconds: z.number().positive().max(3600).default(10) }),
]);
type Step = z.infer<typeof step>;

export const scenario = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().min(1),
  steps: z.array(step).min(1),
});
export type Scenario = z.infer<typeof scenario>;

/** A scenario that is none; the message names what is wrong with it, and where. */
export class ScenarioError extends Error {
  override name = "ScenarioError";
}

/** Reads the text of a scenario file. @throws ScenarioError */
export function readScenario(text: string): Scenario {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ScenarioError(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = scenario.safeParse(parsed);
  if (read.success) return read.data;
  const wrong = read.error.issues.map(({ path, message }) => `${path.join(".") || "the scenario"}: ${message}`);
  throw new ScenarioError(wrong.join("\n"));
}

/** What a step made. */
interface Made {
  messageId?: string;
  conversationId?: string;
  sent?: Promise<WebhookRecord>;
}

export interface StepResult {
  ok: boolean;
  /** What was done or expected. */
  what: string;
  /** Why it did not come true. */
  problem?: string;
}

/**
 * Plays a scenario from its first step on and stops at the first that fails. Everything that came in since the start counts, so a step
 * may expect what has happened already.
 */
export async function playScenario(
  simulator: Simulator,
  { steps }: Scenario,
  onStep: (result: StepResult) => void = () => undefined,
): Promise<boolean> {
  const made = new Map<string, Made>();
  const triggered: number[] = [];
  const stop = simulator.on("trigger", ({ status }) => void triggered.push(status ?? 0));
  try {
    for (const one of steps) {
      const problem = await play(simulator, one, made, triggered).catch((error: unknown) => {
        if (error instanceof ApiError || error instanceof ScenarioError || error instanceof z.ZodError)
          return error.message;
        throw error;
      });
      onStep({
        ok: problem === undefined,
        what: one.note ?? describe(one),
        ...(problem === undefined ? {} : { problem }),
      });
      if (problem !== undefined) return false;
    }
    return true;
  } finally {
    stop();
  }
}

/** Does a step; what is returned is why it failed. */
async function play(
  simulator: Simulator,
  one: Step,
  made: Map<string, Made>,
  triggered: readonly number[],
): Promise<string | undefined> {
  const keep = (as: string | undefined, what: Made) => void (as !== undefined && made.set(as, what));
  if ("say" in one) keep(one.as, speak(simulator, one.say, made));
  else if ("webchat" in one) keep(one.as, simulator.webChats.start(one.webchat));
  else if ("browser" in one) {
    const { leave, comeBack } = simulator.webChats;
    (one.browser === "gone" ? leave : comeBack)(conversationOf(made, one.of));
  } else if ("disconnect" in one) simulator.disconnect(conversationOf(made, one.of), one.disconnect);
  else if ("event" in one) simulator.raise(one.event.topic, one.event.event);
  else if ("fault" in one) simulator.faults.add(one.fault);
  else if ("clearFaults" in one) simulator.faults.clear();
  else if ("status" in one) simulator.setMessageStatus(messageOf(made, one.of), one.status);
  else if ("waitSeconds" in one) await sleep(one.waitSeconds * 1000);
  else return await expectSoon(() => findProblem(simulator, one.expect, made, triggered), one.withinSeconds * 1000);
  return undefined;
}

function speak(
  simulator: Simulator,
  { to, in: where, integrationId, by, ...what }: z.infer<typeof say>,
  made: Map<string, Made>,
): Made {
  const conversationId = where === undefined ? undefined : conversationOf(made, where);
  const spoken = { kind: "text", ...what };
  if (conversationId !== undefined && simulator.conversation(conversationId)?.messengerType === "webmessaging") {
    return simulator.webChats.say(conversationId, String(what.text ?? ""), { purpose: by });
  }
  return simulator.say({ recipient: to, conversationId, integrationId }, utterance.parse(spoken), { purpose: by });
}

/** Why an expectation has not come true yet; undefined once it has. */
async function findProblem(
  simulator: Simulator,
  wanted: Expectation,
  made: Map<string, Made>,
  triggered: readonly number[],
): Promise<string | undefined> {
  if ("webhook" in wanted) {
    const { sent } = get(made, wanted.of);
    const record = sent && (await Promise.race([sent, sleep(0)]));
    if (record === undefined) return "the webhook has not ended";
    return endOf(record) === wanted.webhook
      ? undefined
      : `the webhook was ${endOf(record)}${record.error ? `: ${record.error}` : ""}`;
  }
  if ("status" in wanted) {
    const status = simulator.messageStatus(messageOf(made, wanted.of));
    return status === wanted.status ? undefined : `the message is ${status}`;
  }
  if ("receipt" in wanted) {
    const receipts = simulator.receiptsFor(messageOf(made, wanted.of));
    const fits = receipts.some(
      ({ status, reasons = [] }) =>
        status === wanted.receipt && (wanted.code === undefined || reasons.some(({ code }) => code === wanted.code)),
    );
    return fits ? undefined : `the receipts are ${JSON.stringify(receipts.map(({ status }) => status))}`;
  }
  if ("inbound" in wanted) {
    const { text, from } = wanted.inbound;
    const fits = simulator
      .inboundMessages()
      .some(
        ({ normalized, fromAddress }) =>
          (text === undefined || normalized.text === text) && (from === undefined || fromAddress === from),
      );
    return fits ? undefined : `${simulator.inboundMessages().length} messages came in, not this one`;
  }
  if ("trigger" in wanted) {
    return triggered.includes(wanted.trigger) ? undefined : `triggers were answered ${JSON.stringify(triggered)}`;
  }
  const busiest = simulator.requests.busiestMinute();
  return busiest <= wanted.requestsPerMinute ? undefined : `${busiest} requests fell into one minute`;
}

/** Asks until it is so or time is up, and returns what was wrong last. */
async function expectSoon(ask: () => Promise<string | undefined>, withinMs: number): Promise<string | undefined> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const problem = await ask();
    if (problem === undefined || Date.now() >= deadline) return problem;
    await sleep(50);
  }
}

function endOf({ ended }: WebhookRecord): "accepted" | "refused" | "given up" {
  return ended === "accepted" || ended === "refused" ? ended : "given up";
}

function get(made: Map<string, Made>, as: string): Made {
  const found = made.get(as);
  if (found === undefined) throw new ScenarioError(`no step before was named ${JSON.stringify(as)}`);
  return found;
}

function messageOf(made: Map<string, Made>, as: string): string {
  const { messageId } = get(made, as);
  if (messageId === undefined) throw new ScenarioError(`${JSON.stringify(as)} is no message`);
  return messageId;
}

function conversationOf(made: Map<string, Made>, as: string): string {
  const { conversationId } = get(made, as);
  if (conversationId === undefined) throw new ScenarioError(`${JSON.stringify(as)} is in no conversation`);
  return conversationId;
}

/** A step in its own words. */
function describe({ note: _note, ...one }: Step): string {
  return Object.entries(one)
    .map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

function sleep(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}
