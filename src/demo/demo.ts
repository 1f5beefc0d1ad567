/** The bridge with a world around it, in one process: plays a story, shows what became of it, and keeps running. */
import { type Output, printJson } from "../cli/output";
import { createNarrator, createPaint, type Paint } from "./narrator";
import { playStory } from "./play";
import { formatAfterword, formatFates, formatMail, formatVerdict } from "./report";
import { type News, openStage, type Stage } from "./stage";
import { customers, type Story, story as usualStory } from "./story";
import { apiAudit, apiMessage, judge, type Verdict } from "./verdict";

export interface DemoOptions {
  /** TCP port of the bridge; a free one when absent. */
  port?: string | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  version: string;
  output: Output;
  /** End after the story. */
  once: boolean;
  /** Print the outcome as JSON on stdout, and the story on stderr. */
  json: boolean;
  isColourful: boolean;
  /** Ends the demo when it resolves, whatever the demo is at. */
  interrupted: Promise<unknown>;
  story?: Story;
  /** How long a single thing may take before the story goes on without it. @default 10000 */
  patienceMs?: number;
}

/**
 * Runs the demo and returns its exit code: 0 when everything came as expected, else 1. Nothing is left behind.
 *
 * @throws StartError when the port is taken
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { output, json, interrupted, story = usualStory } = options;
  const out = json ? output.stderr : output.stdout;
  const write = (text: string) => void out.write(text);
  const paint = createPaint(options.isColourful);
  const now = Date.now;
  const nameOf = (id: string) => customers.find((one) => one.id === id)?.name ?? id;
  const narrator = createNarrator({ write, paint, nameOf, now });
  const onScreen = new Map<string, number>();
  const tell = (news: News) => {
    if (news.type === "shown" || news.type === "typing") {
      onScreen.set(news.messageId, (onScreen.get(news.messageId) ?? 0) + 1);
    }
    narrator.hear(news);
  };

  write(formatForeword(paint));
  const { port, host, version } = options;
  const stage = await openStage({ port, host, version, now, tell });
  try {
    const timesOnScreen = (messageId: string) => onScreen.get(messageId) ?? 0;
    const { patienceMs = 10_000 } = options;
    const playing = playStory(story, { stage, narrator, isOnScreen: (id) => timesOnScreen(id) > 0, patienceMs });
    const findings = await Promise.race([playing, interrupted.then(() => undefined)]);
    if (findings === undefined) return 1;

    const verdict = await review(stage, story, findings, timesOnScreen);
    write(formatOutcome(stage, verdict, paint));
    if (!verdict.ok) write(`\nThe end of the bridge's log:\n\n${stage.readLog(30)}`);
    if (json) printJson(output, { ...verdict, mails: stage.inbox.mails() });
    if (!options.once) {
      write(`\n${formatAfterword(stage, paint)}\n`);
      narrator.hearWebhooks();
      await interrupted;
    }
    return verdict.ok ? 0 : 1;
  } finally {
    narrator.hush();
    await stage.close();
  }
}

/** Asks the bridge and Genesys Cloud what became of everything. */
async function review(
  stage: Stage,
  story: Story,
  { played, forged }: Awaited<ReturnType<typeof playStory>>,
  timesOnScreen: (messageId: string) => number,
): Promise<Verdict> {
  const seen = async (messageId: string) => ({
    message: apiMessage.optional().parse(await stage.ask(`/messages/${messageId}`)),
    receipts: stage.simulator
      .receiptsFor(messageId)
      .map(({ status, reasons = [] }) => [status, ...reasons.map(({ code }) => code)].join(" ")),
    timesShown: timesOnScreen(messageId),
  });
  return judge({
    story,
    played: await Promise.all(played.map(async (one) => ({ ...one, seen: await seen(one.messageId) }))),
    forged,
    mails: stage.inbox.mails(),
    audit: apiAudit.parse(await stage.ask("/audit")),
  });
}

function formatForeword(paint: Paint): string {
  return `${paint("bold", "open-messaging-bridge")}: a bridge, a Genesys Cloud to practise on, a chat and a mail server, all on this machine.\n`;
}

function formatOutcome(stage: Stage, verdict: Verdict, paint: Paint): string {
  return [
    "",
    paint("bold", "What became of every message"),
    "",
    formatFates(verdict.rows, paint),
    paint("bold", "The e-mails, as received"),
    "",
    ...stage.inbox.mails().flatMap((mail) => [formatMail(mail, paint), ""]),
    formatVerdict(verdict, paint),
    "",
  ].join("\n");
}
