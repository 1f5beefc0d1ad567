/** Tells customers of what they missed: after the grace time, once, if it is still true. */
import type { Channel, NoticeContent, Outcome } from "../channels/channel";
import { type Address, type AddressRules, findAddress } from "../fallback/addresses";
import { type NoticeFacts, renderNotice, type Wording } from "../fallback/render";
import type { Message } from "../message/message";
import type { KeptBody } from "../store/captures";
import type { Database, Tx } from "../store/database";
import { loadNotice, type NoticeState, noticeQueue, writeNotice } from "../store/notices";
import { finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import { nextTryAt } from "./retry";
import type { QueueWork } from "./worker";

/** A fallback policy, as far as sending its notices needs it. */
export interface NoticePolicy extends AddressRules {
  name: string;
  graceMs: number;
  maxAgeMs: number;
  steps: readonly { channel: string }[];
  returnUrl?: string | undefined;
  templates: Readonly<Record<string, Wording>>;
}

export interface NoticeDeps {
  database: Database;
  policyOf(name: string): NoticePolicy | undefined;
  channelOf(name: string): Channel | undefined;
  understand(capture: KeptBody): Message;
  persist<T>(write: () => Promise<T>): Promise<T>;
  now: () => number;
  random: () => number;
  log: {
    noticeSent(facts: {
      policy: string;
      noticeId: string;
      channel: string;
      count: number;
      status: string;
      attempt: number;
      durationMs: number;
    }): void;
  };
}

/** What is to be sent, decided and committed before it is sent. */
interface Prepared {
  notice: NoticeState;
  channel: Channel;
  content: NoticeContent;
  attempt: number;
}

const leaseSlackMs = 30_000;

export function createNotices(deps: NoticeDeps, longestTimeoutMs: number): QueueWork {
  return {
    queue: noticeQueue,
    concurrency: 8,
    leaseMs: longestTimeoutMs + leaseSlackMs,
    begin: async (tasks) => tasks.map((task) => tell(deps, task)),
  };
}

async function tell(deps: NoticeDeps, task: LeasedTask): Promise<void> {
  const prepared = await deps.database.transaction((tx) => prepare(deps, tx, task));
  if (prepared === undefined) return;
  const startedAt = deps.now();
  const outcome = await send(prepared);
  await deps.persist(() => deps.database.transaction((tx) => record(deps, tx, task, prepared, outcome)));
  deps.log.noticeSent({
    policy: prepared.notice.policy,
    noticeId: prepared.notice.id,
    channel: prepared.channel.name,
    count: prepared.notice.missed.length,
    status: outcome.status,
    attempt: prepared.attempt,
    durationMs: deps.now() - startedAt,
  });
}

/** Checks everything again under lock, and commits `sending` if a notice is to go out. */
async function prepare(deps: NoticeDeps, tx: Tx, task: LeasedTask): Promise<Prepared | undefined> {
  const now = deps.now();
  const notice = task.subject === null ? undefined : await loadNotice(tx, task.subject);
  const end = async () => void (await finishTasks(tx, [task]));
  if (notice === undefined || (notice.status !== "waiting" && notice.status !== "sending")) return void (await end());

  if (notice.inFlight) {
    // The process died between this commit and the next: nobody knows whether the mail went out, so it is not sent again.
    await writeNotice(tx, notice, { status: "unknown", fate: "unknown", event: "notice.unknown" }, now);
    return void (await end());
  }
  if (notice.missed.length === 0) {
    await writeNotice(tx, notice, { status: "cancelled", event: "notice.cancelled" }, now);
    return void (await end());
  }
  const policy = deps.policyOf(notice.policy);
  const step = policy?.steps[notice.step];
  const channel = step === undefined ? undefined : deps.channelOf(step.channel);
  if (policy === undefined || channel === undefined) {
    await writeNotice(
      tx,
      notice,
      {
        status: "exhausted",
        fate: "exhausted",
        event: "notice.exhausted",
        detail: { because: "its policy or channel is not configured any more" },
      },
      now,
    );
    return void (await end());
  }
  const graceEnd = notice.createdAt + policy.graceMs;
  if (notice.status === "waiting" && now < graceEnd) {
    // Woken early because one of its messages arrived after all, while others are still missed.
    await postponeTasks(tx, [{ task, dueAt: graceEnd }]);
    return undefined;
  }
  const newest = Math.max(...notice.missed.map((one) => one.receivedAt));
  if (now - newest > policy.maxAgeMs) {
    const detail = { because: "the news is older than maxAgeSeconds" };
    await writeNotice(tx, notice, { status: "exhausted", fate: "exhausted", event: "notice.exhausted", detail }, now);
    return void (await end());
  }
  const address = findNoticeAddress(notice, channel, policy);
  if (address === undefined) {
    await writeNotice(tx, notice, { status: "unreachable", fate: "unreachable", event: "notice.unreachable" }, now);
    return void (await end());
  }
  const attempt = notice.attempts + 1;
  const content = writeContent(deps, notice, channel, policy, address);
  await writeNotice(
    tx,
    notice,
    {
      status: "sending",
      channel: channel.name,
      attempts: attempt,
      inFlight: true,
      event: "notice.sending",
      detail: { channel: channel.name, attempt, address: address.source },
    },
    now,
  );
  return { notice, channel, content, attempt };
}

async function send({ notice, channel, content, attempt }: Prepared): Promise<Outcome> {
  const [first] = notice.missed;
  const message: Message = {
    kind: "text",
    id: notice.id,
    genesysMessageId: null,
    integration: first?.integration ?? "",
    integrationId: first?.integrationId ?? "",
    recipient: { id: content.to, idType: channel.type === "sms" ? "Phone" : "Email" },
    sender: { origin: "bot" },
    sentAt: null,
    text: content.text,
    raw: {},
  };
  try {
    return await channel.send({ deliveryId: notice.id, attempt, message, notice: content });
  } catch {
    // An exception is a mistake of the channel: whether anything was sent is not known, so it counts as not to be repeated.
    return {
      status: "failed",
      retryable: false,
      reason: { code: "GeneralError", message: "the channel could not be used" },
      answer: "error in the channel",
    };
  }
}

async function record(deps: NoticeDeps, tx: Tx, task: LeasedTask, prepared: Prepared, outcome: Outcome): Promise<void> {
  const now = deps.now();
  const notice = await loadNotice(tx, prepared.notice.seq);
  if (notice === undefined || !notice.inFlight || notice.attempts !== prepared.attempt) return;
  // The fate follows from what was told: the messages the notice spoke of, minus those that have arrived meanwhile.
  const told = new Set(prepared.notice.missed.map((one) => one.seq));
  const spoken = { ...notice, missed: notice.missed.filter((one) => told.has(one.seq)) };
  const { answer } = outcome;
  if (outcome.status !== "failed") {
    const providerMessageId = outcome.providerMessageId ?? null;
    const change = { status: outcome.status, providerMessageId, answer, detail: { channel: prepared.channel.name } };
    await writeNotice(tx, spoken, { ...change, fate: "notified", event: `notice.${outcome.status}` }, now);
    await finishTasks(tx, [task]);
    return;
  }
  if (outcome.uncertain) {
    await writeNotice(tx, spoken, { status: "unknown", fate: "unknown", answer, event: "notice.unknown" }, now);
    await finishTasks(tx, [task]);
    return;
  }
  const retryAt = outcome.retryable
    ? nextTryAt(
        {
          attempts: prepared.attempt,
          firstAttemptAt: notice.createdAt,
          now,
          retryAfterMs: outcome.retryAfterMs,
        },
        prepared.channel.retry,
        deps.random,
      )
    : undefined;
  const detail = { channel: prepared.channel.name, code: outcome.reason.code };
  if (retryAt !== undefined) {
    await writeNotice(
      tx,
      spoken,
      { status: "sending", answer, event: "notice.postponed", detail: { ...detail, retryAt } },
      now,
    );
    await postponeTasks(tx, [{ task, dueAt: retryAt }]);
    return;
  }
  await writeNotice(
    tx,
    spoken,
    { status: "exhausted", fate: "exhausted", answer, event: "notice.exhausted", detail },
    now,
  );
  await finishTasks(tx, [task]);
}

function findNoticeAddress(notice: NoticeState, channel: Channel, policy: NoticePolicy): Address | undefined {
  const [first] = notice.missed;
  if (first === undefined) return undefined;
  const kind = channel.type === "sms" ? "phone" : "email";
  return findAddress({ id: first.recipientId, idType: first.recipientIdType }, kind, policy);
}

function writeContent(
  deps: NoticeDeps,
  notice: NoticeState,
  channel: Channel,
  policy: NoticePolicy,
  address: Address,
): NoticeContent {
  const times = notice.missed.map((one) => one.sentAt ?? one.receivedAt).sort((a, b) => a - b);
  const facts: NoticeFacts = {
    count: notice.missed.length,
    from: senderOf(deps, notice),
    returnUrl: policy.returnUrl,
    firstAt: new Date(times[0] ?? 0).toISOString(),
    lastAt: new Date(times.at(-1) ?? 0).toISOString(),
  };
  const { subject, text, html, sms } = renderNotice(facts, policy.templates);
  return channel.type === "sms"
    ? { to: address.value, subject, text: sms }
    : { to: address.value, subject, text, html };
}

/** Who wrote: the nickname of the newest missed message, else the integration's name. */
function senderOf(deps: NoticeDeps, notice: NoticeState): string {
  const newest = notice.missed.at(-1);
  if (newest === undefined) return "";
  const { body, id, integration, integrationId, kind } = newest;
  if (body === null) return integration;
  return deps.understand({ body, id, integration, integrationId, kind, source: null }).sender.nickname ?? integration;
}
