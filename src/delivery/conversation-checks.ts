/** Looks at conversations that a trigger spoke of: what did the customer miss that nobody has told us? */
import type { ChangeRequest } from "../store/changes";
import type { MessageState } from "../store/states";
import type { Database } from "../store/database";
import {
  type CheckResult,
  conversationQueue,
  finishCheck,
  readWaitingEvents,
  type WaitingEvent,
} from "../store/genesys-events";
import { findIntegrationOf, findKnown, saveMissed } from "../store/missed";
import { type LeasedTask, postponeTasks } from "../store/tasks";
import { type ConversationNews, findMissed, type Missed, type MissedFor, planMissed } from "./missed";
import type { Rules } from "./rules";
import { decideConfirmation } from "./status";
import type { QueueWork } from "./worker";

/** What became of a question to Genesys Cloud. */
export type Asked<T> =
  | { status: "done"; answer: string; value: T }
  | { status: "refused"; answer: string; error: { status: number | undefined } }
  | { status: "later"; answer: string; retryAfterMs?: number };

/** One organisation of Genesys Cloud, as far as looking at its conversations goes. */
export interface ConversationSource {
  name: string;
  /** With all legs. */
  readConversation(conversationId: string): Promise<Asked<ConversationNews>>;
  /** The messaging view, which asks for no permission. */
  readMessageConversation(conversationId: string): Promise<Asked<ConversationNews>>;
  /** Messages as they were sent; unknown ids are left out. */
  readMessages(
    conversationId: string,
    messageIds: readonly string[],
  ): Promise<Asked<{ messageId: string; normalized?: Record<string, unknown> }[]>>;
  webMessaging: MissedFor;
}

export interface CheckDeps {
  database: Database;
  change(request: ChangeRequest): Promise<MessageState | undefined>;
  rulesOf(integration: string, channel: string): Rules;
  sources: readonly ConversationSource[];
  /** Whose messages an open-messaging integration's are, by Genesys Cloud's id of it. */
  integrationOf(integrationId: string): MissedFor | undefined;
  /** The organisation of an integration, by our name. */
  organisationOf(integration: string): string | undefined;
  now: () => number;
  random: () => number;
  newId: () => string;
  log: {
    conversationChecked(facts: { organisation?: string; conversationId: string; status: string; count: number }): void;
  };
}

const leaseMs = 120_000;
const atOnce = 8;
/** A conversation may be younger than its first event. */
const unknownForMs = 120_000;
const givenUpAfterMs = 86_400_000;
const longestDelayMs = 300_000;
/** What is under way when the customer leaves is decided by then. */
const undecidedMs = 60_000;
/** How long before a notice goes out its messages are looked at again. */
const aheadMs = 5_000;

export function createConversationChecks(deps: CheckDeps): QueueWork {
  let pausedUntil = 0;
  const pause = (until: number) => {
    pausedUntil = Math.max(pausedUntil, until);
  };
  return {
    queue: conversationQueue,
    concurrency: atOnce,
    leaseMs,
    permits: (now) => (now < pausedUntil ? { count: 0, askAgainAt: pausedUntil } : { count: Number.POSITIVE_INFINITY }),
    begin: async (tasks) => tasks.map((task) => check(deps, task, pause)),
  };
}

async function check(deps: CheckDeps, task: LeasedTask, pause: (until: number) => void): Promise<void> {
  const { database, now } = deps;
  const conversationId = String(task.detail?.conversationId);
  const startedAt = now();
  // What was told before the look-up is answered by it, but for the delay that lets the end of a conversation settle.
  const waiting = await readWaitingEvents(database, conversationId);
  const isDue = waiting.some(({ dueAt }) => dueAt <= startedAt);
  const events = waiting.filter(({ dueAt, type }) => isDue && (dueAt <= startedAt || type === "undelivered"));
  const end = (state: CheckResult["state"], answer: string) =>
    database.transaction((tx) =>
      finishCheck(tx, task, {
        conversationId,
        now: now(),
        result: { seqs: events.map(({ seq }) => seq), state, answer },
      }),
    );
  const postpone = (dueAt: number) => database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }]));
  if (events.length === 0) return end("done", "nothing to do");

  const found = await lookUp(deps, conversationId);
  const ageMs = startedAt - Math.max(...events.map(({ receivedAt }) => receivedAt));
  const isOver = ageMs > givenUpAfterMs;
  switch (found.status) {
    case "later": {
      if (isOver) return end("givenUp", found.answer);
      if (found.retryAfterMs !== undefined) pause(startedAt + found.retryAfterMs);
      return postpone(now() + (found.retryAfterMs ?? backoff(task)));
    }
    case "refused":
      return isOver ? end("givenUp", found.answer) : postpone(now() + longestDelayMs);
    case "unknown": {
      if (ageMs < unknownForMs) return postpone(now() + backoff(task));
      deps.log.conversationChecked({ conversationId, status: "unknown", count: 0 });
      return end("unmatched", found.answer);
    }
    case "done":
      return settle(deps, task, found, events);
    default:
      return found satisfies never;
  }
}

interface Found {
  status: "done";
  source: ConversationSource;
  conversation: ConversationNews;
}

/** Asks the organisation that the conversation's messages came from, else one after the other: an event does not say. */
async function lookUp(
  deps: CheckDeps,
  conversationId: string,
): Promise<
  Found | { status: "unknown" | "refused"; answer: string } | { status: "later"; answer: string; retryAfterMs?: number }
> {
  const known = await findIntegrationOf(deps.database, conversationId);
  const organisation = known === undefined ? undefined : deps.organisationOf(known);
  const own = deps.sources.filter(({ name }) => name === organisation);
  let refusal: { status: "unknown" | "refused"; answer: string } = { status: "unknown", answer: "no organisation" };
  for (const source of own.length > 0 ? own : deps.sources) {
    const whole = await source.readConversation(conversationId);
    const answer =
      whole.status === "refused" && whole.error.status === 403
        ? await source.readMessageConversation(conversationId)
        : whole;
    if (answer.status === "done") return { status: "done", source, conversation: answer.value };
    if (answer.status === "later") return answer;
    // Without a status it was our own refusal to ask for such an id.
    const isUnknown = [404, 400, undefined].includes(answer.error.status);
    refusal = { status: isUnknown ? "unknown" : "refused", answer: answer.answer };
  }
  return refusal;
}

async function settle(deps: CheckDeps, task: LeasedTask, found: Found, events: readonly WaitingEvent[]): Promise<void> {
  const { database, now } = deps;
  const { source, conversation } = found;
  const conversationId = String(task.detail?.conversationId);
  const whose = ownerOf(deps, found);
  const named = new Set(events.flatMap(({ event }) => (event.type === "undelivered" ? event.messageIds : [])));
  const findings = findMissed(conversation, named);
  const known = await findKnown(database, [
    ...findings.missed.map((one) => one.genesysMessageId),
    ...(whose?.isWebMessaging ? findings.arrived : []),
  ]);
  const knownIds = new Set(known.map((one) => one.genesysMessageId));
  const fresh = whose === undefined ? [] : findings.missed.filter((one) => !knownIds.has(one.genesysMessageId));

  const arrived = new Set(findings.arrived);
  const late = known.filter(
    (one) => one.channel === whose?.channel && whose.isWebMessaging && arrived.has(one.genesysMessageId),
  );
  for (const { deliverySeq, fate } of late) {
    if (deliverySeq !== null && fate !== "delivered") await confirm(deps, deliverySeq);
  }

  const bodies = await readBodies(source, conversation.id, fresh);
  const arrivals =
    whose === undefined
      ? []
      : fresh.map((one) =>
          planMissed({ ...one, normalized: bodies.get(one.genesysMessageId) }, whose, conversation, deps),
        );
  const isFirst = events.some(({ type }) => type !== "recheck");
  await database.transaction(async (tx) => {
    const at = now();
    const added = await saveMissed(tx, arrivals, at);
    const graceMs = added > 0 ? (whose?.fallback?.graceMs ?? 0) : 0;
    const recheckInMs =
      graceMs > 2 * aheadMs ? graceMs - aheadMs : isFirst && findings.isUndecided ? undecidedMs : undefined;
    await finishCheck(tx, task, {
      conversationId,
      now: at,
      result: {
        seqs: events.map(({ seq }) => seq),
        state: "done",
        answer: describe(findings.missed.length, added, whose),
      },
      recheckAt: recheckInMs === undefined ? undefined : at + recheckInMs,
    });
  });
  deps.log.conversationChecked({
    organisation: source.name,
    conversationId,
    status: whose === undefined ? "not ours" : "checked",
    count: arrivals.length,
  });
}

/** An open integration that is not in the settings is another connector's business, and SMS and WhatsApp have ways of their own. */
function ownerOf(deps: CheckDeps, { source, conversation }: Found): MissedFor | undefined {
  const type = conversation.messengerType?.toLowerCase();
  const ours = conversation.address === undefined ? undefined : deps.integrationOf(conversation.address);
  if (ours !== undefined) return ours;
  return type === undefined || type === "webmessaging" ? source.webMessaging : undefined;
}

/** Without their texts, too, the messages are missed: a refusal here holds nothing up. */
async function readBodies(source: ConversationSource, conversationId: string, missed: readonly Missed[]) {
  const bodies = new Map<string, Record<string, unknown>>();
  if (missed.length === 0) return bodies;
  const read = await source.readMessages(
    conversationId,
    missed.map((one) => one.genesysMessageId),
  );
  if (read.status !== "done") return bodies;
  for (const { messageId, normalized } of read.value) if (normalized !== undefined) bodies.set(messageId, normalized);
  return bodies;
}

async function confirm(deps: CheckDeps, deliverySeq: number): Promise<void> {
  const { now, random, newId } = deps;
  await deps.change({
    deliverySeq,
    decide: (state) =>
      decideConfirmation(
        state,
        { status: "delivered", at: now() },
        { now: now(), random, newId, rules: deps.rulesOf(state.integration, state.delivery.channel) },
      ),
  });
}

function describe(missed: number, added: number, whose: MissedFor | undefined): string {
  return whose === undefined ? "not a conversation of ours" : `${missed} not delivered, ${added} of them new`;
}

function backoff({ attempt }: LeasedTask): number {
  return Math.min(longestDelayMs, 1000 * 2 ** Math.min(attempt, 10));
}
