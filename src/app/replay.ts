/** Wires what comes once more: replays, and today's judgement of what was recorded. */
import type { Channel } from "../channels/channel";
import type { Config } from "../config";
import type { Rules } from "../delivery/rules";
import { chooseFallback } from "../delivery/status";
import { degrade, type Part } from "../message/degrade";
import type { Message } from "../message/message";
import { type Meaning, digestMessage, digestParts } from "../replay/meaning";
import type { Today } from "../replay/diff";
import { createReplays, type ReplayDeps } from "../replay/run";
import { describeReplay, requestReplay } from "../replay/request";
import type { KeptBody } from "../store/captures";
import type { Database } from "../store/database";
import type { Arrival } from "../store/ingest";
import { findReplay, listReplays, steerReplay } from "../store/replays";
import { planArrival } from "../webhook/arrival";
import { signBody } from "../webhook/signature";
import type { ReplaysDeps } from "../admin/replays";
import { listServed } from "./channels";

type Understand = (capture: KeptBody) => Message;

/** What replaying needs of the rest. */
export interface AgainParts {
  config: Config;
  channels: ReadonlyMap<string, Channel>;
  rulesOf(integration: string, channel: string): Rules;
  understand: Understand;
  now: () => number;
  newId: () => string;
}

/** Digests what was understood of a message and how it is shown. */
export function recordMeaning(message: Message, parts: readonly Part[] | undefined): string {
  return JSON.stringify(digestContent(message, parts));
}

function digestContent(message: Message, parts: readonly Part[] | undefined): Meaning {
  const meaning = digestMessage(message);
  if (parts !== undefined) meaning.parts = digestParts(parts);
  return meaning;
}

/** What a webhook that came now would lead to; undefined when the integration is not configured. */
export function createPlanner({ config, newId }: Pick<AgainParts, "config" | "newId">) {
  const integrations = new Map(config.integrations.map((one) => [one.name, one]));
  return function plan(capture: {
    integration: string;
    body: Buffer;
    headers: Record<string, string>;
    receivedAt: number;
  }): Arrival | undefined {
    const integration = integrations.get(capture.integration);
    if (integration === undefined) return undefined;
    const parsed = JSON.parse(capture.body.toString("utf8")) as Record<string, unknown>;
    return planArrival(parsed, capture, integration, newId);
  };
}

/** What today's code and settings make of a stored message. Nothing is sent or written. */
export function createJudge({ config, channels, rulesOf, understand, newId }: AgainParts): ReplayDeps["judge"] {
  const plan = createPlanner({ config, newId });
  return function judge(stored): Today | undefined {
    const arrival = plan(stored);
    if (arrival === undefined) return undefined;
    const { body, id, integration, integrationId, kind, source } = stored;
    const message = understand({ body, id, integration, integrationId, kind, source });
    const name = arrival.delivery?.channel ?? null;
    const channel = name === null ? undefined : channels.get(name);
    const parts = channel === undefined || channel.handsOnOriginal ? undefined : degrade(message, channel.accepts);
    const meaning = digestContent(message, parts);
    return {
      meaning,
      summary: arrival.summary,
      recipientId: arrival.recipientId,
      conversationId: arrival.conversationId,
      genesysMessageId: arrival.genesysMessageId,
      sentAt: arrival.sentAt,
      channel: name,
      parts: meaning.parts ?? null,
      refusal: arrival.reason?.code ?? (parts?.length === 0 ? "UnsupportedMessage" : null),
      noticeAfter: (code) => chooseFallback(rulesOf(integration, name ?? ""), code)?.policy ?? null,
    };
  };
}

/** The signature of a body under its integration's current secret; undefined when that is not configured. */
export function createSigner({ integrations }: Pick<Config, "integrations">) {
  const secrets = new Map(integrations.map((one) => [one.name, one.signatureSecrets[0]]));
  return function sign(integration: string, body: Buffer): string | undefined {
    const secret = secrets.get(integration);
    return secret === undefined ? undefined : signBody(body, secret);
  };
}

/** The queue that works replays off. */
export function createReplayWork(parts: AgainParts, database: Database, log: ReplayDeps["log"]) {
  const { config, now, newId } = parts;
  const channels = new Map(config.integrations.map((one) => [one.name, one.channel]));
  return createReplays({
    database,
    log,
    now,
    newId,
    judge: createJudge(parts),
    plan: createPlanner(parts),
    channelOf: (integration) => channels.get(integration),
    sign: createSigner(config),
  });
}

/** What the routes of replays call. */
export function createReplayDesk(
  { config, now, newId }: Pick<AgainParts, "config" | "now" | "newId">,
  database: Database,
): ReplaysDeps {
  const channels = listServed(config);
  return {
    request: (wanted) => requestReplay({ database, channels, now, newId }, wanted),
    async find(id) {
      const replay = await database.read((db) => findReplay(db, id));
      return replay === undefined ? undefined : describeReplay(replay);
    },
    list: async (limit) => (await database.read((db) => listReplays(db, limit))).map(describeReplay),
    steer: (id, state) => steerReplay(database, id, state, now()),
  };
}
