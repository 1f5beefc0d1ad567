/** Shows agents what became of a notice: as attributes of the customer's participant, when Genesys Cloud has room for it. */
import type { Database, Tx } from "../store/database";
import type { NoticeState } from "../store/notices";
import { insertNoticeLine } from "../store/notices";
import { addTasks, finishTasks, type LeasedTask, postponeTasks } from "../store/tasks";
import type { QueueWork } from "./worker";

export function attributeQueue(organisation: string): string {
  return `attributes:${organisation}`;
}

/** Adds a task for each conversation that the notice speaks of, in the transaction that decides the outcome. */
export async function addOutcomeTasks(
  { organisationOf }: { organisationOf(integration: string): string | undefined },
  tx: Tx,
  notice: NoticeState,
  status: string,
  now: number,
): Promise<void> {
  const conversations = new Map(
    notice.missed.flatMap(({ conversationId, integration }) =>
      conversationId === null ? [] : [[conversationId, organisationOf(integration)] as const],
    ),
  );
  const tasks = [...conversations].flatMap(([conversationId, organisation]) =>
    organisation === undefined
      ? []
      : [
          {
            key: `attributes:${notice.seq}:${status}:${conversationId}`,
            queue: attributeQueue(organisation),
            dueAt: now,
            subject: notice.seq,
            detail: { conversationId, status, channel: notice.channel, policy: notice.policy, at: now },
          },
        ],
  );
  await addTasks(tx, tasks, now);
}

/** The names of the attributes; one that is absent is not written. */
export interface AttributeNames {
  /** `true` once there was reason for a notice. */
  triggered?: string | undefined;
  /** `true` or `false`: whether an address of the customer was found. */
  contactFound?: string | undefined;
  /** What became of the notice, such as `accepted by email`. */
  outcome?: string | undefined;
}

/** What writing attributes ended with. */
export type AttributeAnswer =
  | { status: "done"; answer: string }
  | { status: "refused"; answer: string }
  | { status: "later"; retryAfterMs?: number; answer: string };

export interface AttributeDeps {
  database: Database;
  organisation: string;
  /** The names that a policy's settings say. */
  namesOf(policy: string): AttributeNames;
  /** Writes to the customer's participant, also of a conversation that has ended. Never throws for what Genesys Cloud does. */
  writeAttributes(conversationId: string, attributes: Record<string, string>): Promise<AttributeAnswer>;
  persist<T>(write: () => Promise<T>): Promise<T>;
  now: () => number;
}

const leaseMs = 120_000;
const longestDelayMs = 300_000;
/** News that agents have no use for any more. */
const staleAfterMs = 86_400_000;

export function createAttributes(deps: AttributeDeps): QueueWork {
  let pausedUntil = 0;
  return {
    queue: attributeQueue(deps.organisation),
    concurrency: 8,
    leaseMs,
    permits: (now) => (now < pausedUntil ? { count: 0, askAgainAt: pausedUntil } : { count: Number.POSITIVE_INFINITY }),
    begin: async (tasks) =>
      tasks.map((task) =>
        show(deps, task, (until) => {
          pausedUntil = Math.max(pausedUntil, until);
        }),
      ),
  };
}

async function show(deps: AttributeDeps, task: LeasedTask, pause: (until: number) => void): Promise<void> {
  const { database, persist, now } = deps;
  const { conversationId, status, channel, policy, at } = readDetail(task.detail);
  const finish = (event?: string, answer?: string) =>
    persist(() =>
      database.transaction(async (tx) => {
        const ours = await finishTasks(tx, [task]);
        if (event === undefined || task.subject === null || !ours.has(task.key)) return;
        await insertNoticeLine(tx, {
          noticeSeq: task.subject,
          conversationId,
          at: now(),
          event,
          detail: { status, answer },
        });
      }),
    );
  const attributes = writeNames(deps.namesOf(policy), status, channel);
  if (Object.keys(attributes).length === 0) return finish();
  if (now() - at > staleAfterMs) return finish("attributes.skipped", "it waited longer than a day");
  const result = await deps.writeAttributes(conversationId, attributes);
  if (result.status === "done") return finish("attributes.written", result.answer);
  if (result.status === "refused") return finish("attributes.refused", result.answer);
  if (result.retryAfterMs !== undefined) pause(now() + result.retryAfterMs);
  const delayMs = result.retryAfterMs ?? Math.min(longestDelayMs, 1000 * 2 ** Math.min(task.attempt - 1, 20));
  await persist(() => database.transaction((tx) => postponeTasks(tx, [{ task, dueAt: now() + delayMs }])));
}

function writeNames(names: AttributeNames, status: string, channel: string | null): Record<string, string> {
  const hasReached = status === "accepted" || status === "delivered";
  const outcome = hasReached && channel !== null ? `${status} by ${channel}` : status;
  return {
    ...(names.triggered === undefined ? {} : { [names.triggered]: "true" }),
    ...(names.contactFound === undefined ? {} : { [names.contactFound]: String(status !== "unreachable") }),
    ...(names.outcome === undefined ? {} : { [names.outcome]: outcome }),
  };
}

function readDetail(detail: LeasedTask["detail"]) {
  const { conversationId, status, channel, policy, at } = detail ?? {};
  return {
    conversationId: String(conversationId),
    status: String(status),
    channel: typeof channel === "string" ? channel : null,
    policy: String(policy),
    at: Number(at),
  };
}
