/** Tells customers of what they missed: after the grace time, once, by the first step that can, if it is still true. */
import type { Channel, NoticeContent, Outcome } from "../channels/channel";
import { type Address, type AddressSources, findAddress, type KnownAddresses } from "../fallback/addresses";
import { decideNotice, type NoticePolicy, type PolicyStep, type Reach } from "../fallback/policy";
import { findWakingTime } from "../fallback/quiet-hours";
import { chooseTimeZone, type WallClock } from "../fallback/time-zone";
import type { AddressClass } from "../message/address";
import { isPermitted } from "../message/consent";
import { addressKeyOf, readConsents } from "../store/consent";
import { type Customer, customerKeyOf, readCustomer } from "../store/customers";
import type { Tx } from "../store/database";
import { countToldInDay, readSentInMinute, saveSend, takeTurn } from "../store/notice-sends";
import { loadNotice, type MissedMessage, type NoticeState, noticeQueue, writeNotice } from "../store/notices";
import { loadSecret } from "../store/secrets";
import { finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import { addOutcomeTasks } from "./notice-attributes";
import { hashText, writeContent, writeMessage } from "./notice-content";
import type { NoticeDeps } from "./notice-deps";
import { recordOutcome, type Sent } from "./notice-outcome";
import { findHidden, type Hidden, recover } from "./notice-recovery";
import type { QueueWork } from "./worker";

const leaseSlackMs = 30_000;
/** No answer came: how long until the provider is asked what it has. */
const lookUpAfterMs = 10_000;
/** Genesys Cloud could not be asked for the contact: how long until it is asked again. */
const askAgainMs = 30_000;

export function createNotices(deps: NoticeDeps, longestTimeoutMs: number): QueueWork {
  return {
    queue: noticeQueue,
    concurrency: 8,
    leaseMs: longestTimeoutMs + leaseSlackMs,
    begin: async (tasks) => tasks.map((task) => tell(deps, task)),
  };
}

/** What is to be sent, decided and committed before it is sent. */
interface Prepared extends Sent {
  content: NoticeContent;
}

type Preparation =
  | { do: "nothing" }
  | { do: "send"; prepared: Prepared }
  | { do: "ask"; about: MissedMessage }
  | { do: "recover"; hidden: Hidden };

async function tell(deps: NoticeDeps, task: LeasedTask): Promise<void> {
  let contact: KnownAddresses | undefined;
  for (;;) {
    const next = await deps.database.transaction((tx) => prepare(deps, tx, task, contact));
    switch (next.do) {
      case "nothing":
        return;
      case "send":
        return sendPrepared(deps, task, next.prepared);
      case "recover":
        return recover(deps, task, next.hidden);
      case "ask": {
        const { integration, conversationId, recipientId: id, recipientIdType: idType } = next.about;
        const answer = await deps.lookUpContact({ integration, conversationId, recipient: { id, idType } });
        if (answer.status === "later") {
          const dueAt = deps.now() + (answer.retryAfterMs ?? askAgainMs);
          return deps.database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }]));
        }
        contact = answer.contact;
        break;
      }
      default:
        return next satisfies never;
    }
  }
}

/** Checks everything again under lock, and commits `sending` if a notice is to go out. */
async function prepare(
  deps: NoticeDeps,
  tx: Tx,
  task: LeasedTask,
  contact: KnownAddresses | undefined,
): Promise<Preparation> {
  await takeTurn(tx);
  const now = deps.now();
  const notice = task.subject === null ? undefined : await loadNotice(tx, task.subject);
  const nothing = { do: "nothing" } as const;
  if (notice === undefined || !isOpen(notice)) {
    await finishTasks(tx, [task]);
    return nothing;
  }
  const policy = deps.policyOf(notice.policy);
  const customer = await gatherCustomer(deps, tx, notice, policy, contact, now);
  if (notice.inFlight) {
    const hidden = await findHidden(deps, tx, notice, (step) => customer?.addressOf(step));
    if (hidden === "ask") return { do: "ask", about: customer?.about as MissedMessage };
    return { do: "recover", hidden };
  }
  const decision = decideNotice(
    {
      now,
      status: notice.status === "accepted" ? "accepted" : "waiting",
      step: notice.step,
      notBefore: notice.notBefore ?? notice.createdAt + (policy?.graceMs ?? 0),
      wasTried: notice.attempts > 0,
      newestMissedAt: customer?.newestMissedAt,
      reach: (step) => customer?.reach(step) ?? "noAddress",
      wakingTime: (step) => customer?.wakingTime(step) ?? now,
      toldInDay: customer?.toldInDay ?? 0,
      sentInMinute: customer?.sentInMinute ?? [],
    },
    policy,
  );
  switch (decision.do) {
    case "ask":
      return customer === undefined ? nothing : { do: "ask", about: customer.about };
    case "wait": {
      const { until, because, step } = decision;
      if (because === "brake") {
        deps.log.noticesBraked({ policy: notice.policy, count: policy?.maxPerMinute ?? 0, waitMs: until - now });
      }
      // The clock of a step is its own; a step that only waits has not begun.
      const moved = step === notice.step ? {} : { step, stepAttempts: 0, stepStartedAt: null };
      const isNews = because !== notice.waitsFor && because !== "grace" && because !== "confirmation";
      if (isNews || step !== notice.step) {
        const clock =
          because === "quietHours" && policy?.steps[step] ? customer?.wallClock(policy.steps[step]) : undefined;
        const zone = clock === undefined ? {} : { timeZone: clock.timeZones[0], timeZoneSource: clock.source };
        const line = isNews ? { event: "notice.postponed", detail: { because, until, ...zone } } : {};
        const status = because === "confirmation" ? "accepted" : "waiting";
        await writeNotice(tx, notice, { status, ...moved, waitsFor: because, ...line }, now);
      }
      await postponeTasks(tx, [{ task, dueAt: until }]);
      return nothing;
    }
    case "end": {
      const { status, because } = decision;
      const ended = { status, fate: status, notBefore: null, waitsFor: null };
      await writeNotice(tx, notice, { ...ended, event: `notice.${status}`, detail: { because } }, now);
      await finishTasks(tx, [task]);
      await addOutcomeTasks(deps, tx, notice, status, now);
      return nothing;
    }
    case "send":
      break;
    default:
      return decision satisfies never;
  }
  const step = policy?.steps[decision.step];
  const channel = step === undefined ? undefined : deps.channelOf(step.channel);
  const address = step === undefined ? undefined : customer?.addressOf(step);
  if (policy === undefined || step === undefined || channel === undefined || customer === undefined)
    throw new Error("a step was chosen that cannot be gone");
  if (address === undefined || address === "ask") throw new Error("a step was chosen without an address");

  const attempt = notice.attempts + 1;
  const isFirst = decision.step !== notice.step || notice.stepStartedAt === null;
  const content = writeContent(deps, notice, {
    policy,
    channel,
    address,
    language: customer.known?.language,
    secret: customer.secret,
  });
  await saveSend(tx, {
    noticeSeq: notice.seq,
    policy: policy.name,
    step: decision.step,
    attempt,
    channel: channel.name,
    recipientKey: customer.key,
    addressKey: addressKeyOf(customer.secret, address.value),
    textHash: hashText(content.text),
    at: now,
  });
  await writeNotice(
    tx,
    notice,
    {
      status: "sending",
      step: decision.step,
      channel: channel.name,
      attempts: attempt,
      stepAttempts: isFirst ? 1 : notice.stepAttempts + 1,
      ...(isFirst ? { stepStartedAt: now } : {}),
      waitsFor: null,
      inFlight: true,
      event: "notice.sending",
      detail: { channel: channel.name, step: decision.step + 1, attempt, address: address.source },
    },
    now,
  );
  return { do: "send", prepared: { notice, channel, step: decision.step, attempt, to: content.to, content } };
}

async function sendPrepared(deps: NoticeDeps, task: LeasedTask, prepared: Prepared): Promise<void> {
  const startedAt = deps.now();
  const outcome = await send(prepared);
  if (outcome.status === "failed" && outcome.uncertain && prepared.channel.lookUp !== undefined) {
    // Still in flight: the next claim asks the provider, once it can know.
    const dueAt = deps.now() + lookUpAfterMs;
    return deps.persist(() => deps.database.transaction((tx) => postponeTasks(tx, [{ task, dueAt }])));
  }
  await deps.persist(() => deps.database.transaction((tx) => recordOutcome(deps, tx, task, prepared, outcome)));
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

async function send({ notice, channel, content, attempt }: Prepared): Promise<Outcome> {
  const message = writeMessage(notice, content);
  try {
    return await channel.send({ deliveryId: notice.id, attempt, message, notice: content });
  } catch {
    // An exception is a mistake of the channel: whether anything was sent is not known.
    return {
      status: "failed",
      retryable: false,
      uncertain: true,
      reason: { code: "GeneralError", message: "the channel could not be used" },
      answer: "error in the channel",
    };
  }
}

/** `accepted` is open as long as it waits for a confirmation: then some of its messages are undecided. */
function isOpen(notice: NoticeState): boolean {
  return (
    notice.status === "waiting" ||
    notice.status === "sending" ||
    (notice.status === "accepted" && notice.missed.length > 0)
  );
}

/** Everything the policy asks about the customer whom a notice is for; undefined when nothing is missed. */
async function gatherCustomer(
  deps: NoticeDeps,
  tx: Tx,
  notice: NoticeState,
  policy: NoticePolicy | undefined,
  contact: KnownAddresses | undefined,
  now: number,
) {
  const about = notice.missed.at(-1);
  if (about === undefined) return undefined;
  const { integration, recipientId, recipientIdType } = about;
  const key = customerKeyOf(integration, recipientId);
  const known = await readCustomer(tx.db, integration, recipientId);
  const secret = await loadSecret(tx);
  const sources: AddressSources = {
    recipient: { id: recipientId, idType: recipientIdType },
    adapter: known && listAddresses(known),
    externalContact: contact,
  };
  const steps = policy?.steps ?? [];
  const addresses = new Map(steps.map((step) => [step, policy && findAddress(step.address, sources, policy)]));
  const found = [...addresses.values()].filter((one): one is Address => one !== undefined && one !== "ask");
  const ownKey = addressKeyOf(secret, recipientId);
  const addressKeys = [...new Set(found.map((one) => addressKeyOf(secret, one.value)))];
  const consents = await readConsents(tx.db, [...addressKeys, ownKey]);
  const phone = found.find((one) => /^\+\d+$/.test(one.value))?.value;

  function reach(step: PolicyStep): Reach {
    const channel = deps.channelOf(step.channel);
    const address = addresses.get(step);
    if (channel === undefined) return "notSetUp";
    if (address === "ask") return "ask";
    if (address === undefined) return "noAddress";
    const rows = [addressKeyOf(secret, address.value), ownKey].flatMap((one) => consents.get(one) ?? []);
    const purpose = policy?.purpose ?? "transactional";
    return isPermitted(rows, { channel: classOf(channel, step), purpose }) ? "yes" : "optedOut";
  }

  function wallClock({ quietHours }: PolicyStep): WallClock | undefined {
    return quietHours && chooseTimeZone({ own: known?.timeZone, phone, configured: quietHours.timeZone });
  }

  function wakingTime(step: PolicyStep): number {
    const clock = wallClock(step);
    if (clock === undefined || step.quietHours === undefined) return now;
    const { quietHours } = step;
    // A country may be so wide that it is always night somewhere: then the configured zone decides.
    return (
      findWakingTime(now, quietHours, clock.timeZones) ?? findWakingTime(now, quietHours, [quietHours.timeZone]) ?? now
    );
  }

  const { maxPerRecipientPerDay, maxPerMinute } = policy ?? {};
  return {
    about,
    key,
    known,
    secret,
    newestMissedAt: Math.max(...notice.missed.map((one) => one.receivedAt)),
    addressOf: (step: PolicyStep) => addresses.get(step),
    reach,
    wallClock,
    wakingTime,
    toldInDay:
      maxPerRecipientPerDay === undefined
        ? 0
        : await countToldInDay(tx, { recipientKey: key, addressKeys, exceptNotice: notice.seq }, now),
    sentInMinute:
      maxPerMinute === undefined || policy === undefined
        ? []
        : await readSentInMinute(tx, policy.name, maxPerMinute, now),
  };
}

function listAddresses({ email, phone }: Customer): KnownAddresses {
  return { emails: email === undefined ? [] : [email], phones: phone === undefined ? [] : [phone] };
}

/** What an opt-out from must hold for: e-mail and SMS, whoever carries them. */
function classOf(channel: Channel, step: PolicyStep): AddressClass | undefined {
  if (channel.type === "email" || step.address === "email") return "email";
  return channel.type === "sms" || step.address === "phone" ? "sms" : undefined;
}
