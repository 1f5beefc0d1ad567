/** Shows the customer that somebody types: beside the lane, one try, dropped once it is stale. */
import type { Channel } from "../channels/channel";
import type { Message } from "../message/message";
import { type KeptBody, readCapture } from "../store/captures";
import type { Database } from "../store/database";
import { typingQueue } from "../store/queues";
import { finishTasks, type LeasedTask } from "../store/tasks";
import type { QueueWork } from "./worker";

export interface TypingDeps {
  database: Database;
  understand(capture: KeptBody): Message;
  now: () => number;
}

export function createTyping({ database, understand, now }: TypingDeps, channel: Channel): QueueWork {
  async function show(task: LeasedTask): Promise<void> {
    // Finished before it is sent: one try, never again.
    const ours = await database.transaction((tx) => finishTasks(tx, [task]));
    if (ours.size === 0 || task.subject === null || channel.sendTyping === undefined) return;
    if (now() >= Number(task.detail?.staleAt ?? 0)) return;
    const capture = await readCapture(database.db, task.subject);
    if (capture?.body == null) return;
    const { body, headers, receivedAt, ...known } = capture;
    const message = understand({ body, ...known });
    await channel.sendTyping({ deliveryId: known.id, attempt: 1, message, receivedAt, original: { body, headers } });
  }

  return {
    queue: typingQueue(channel.name),
    concurrency: 16,
    leaseMs: channel.timeoutMs + 5000,
    begin: async (tasks) => tasks.map(show),
  };
}
