/** Replays inside the bridge: to the bridge itself, as if the webhook came again, or to one channel. */
import { deliverableKinds } from "../message/message";
import { findUnderWay, inheritReceipts } from "../store/again";
import { addDeliveries, type NewDelivery } from "../store/deliveries";
import type { Tx } from "../store/database";
import { type Arrival, saveArrivals } from "../store/ingest";
import { keyOf, laneOf } from "../store/keys";
import type { Replay } from "../store/replays";
import type { SelectedMessage } from "../store/selection";
import { contentRemoved, integrationGone, miss, noWebhook, type Turn } from "./turn";

export interface AgainDeps {
  /** What a new webhook with this body would lead to; undefined when its integration is not configured any more. */
  plan(capture: {
    integration: string;
    body: Buffer;
    headers: Record<string, string>;
    receivedAt: number;
  }): Arrival | undefined;
  /** The channel an integration's messages go through today. */
  channelOf(integration: string): string | undefined;
  now: () => number;
  newId: () => string;
}

const deliverable: ReadonlySet<string> = new Set([...deliverableKinds, "unsupported"]);

/** Stores each body once more: same road, own row, marked in the ledger of both. */
export async function sendToSelf(
  deps: AgainDeps,
  tx: Tx,
  replay: Replay,
  messages: readonly SelectedMessage[],
): Promise<Turn[]> {
  const now = deps.now();
  const planned = messages.map((message) => ({ message, arrival: planAgain(deps, replay, message, now) }));
  const arrivals = planned.flatMap(({ arrival }) => (typeof arrival === "string" ? [] : [arrival]));
  const stored = await saveArrivals(tx, arrivals, now);
  const duplicates = new Set(arrivals.filter((_, index) => stored[index]?.duplicate).map(({ id }) => id));
  const repeats = planned.flatMap(({ message, arrival }) =>
    typeof arrival === "string" || duplicates.has(arrival.id) ? [] : [{ id: arrival.id, of: message.seq }],
  );
  await inheritReceipts(tx, repeats);
  return planned.map(({ message, arrival }): Turn => {
    if (arrival === noWebhook) return miss(replay, message, { at: now, result: "skipped", because: arrival });
    if (typeof arrival === "string") return miss(replay, message, { at: now, result: "failed", because: arrival });
    if (duplicates.has(arrival.id)) {
      return miss(replay, message, { at: now, result: "skipped", because: "it is known already" });
    }
    const detail = { replay: replay.id, as: arrival.id };
    return { message, result: "done", line: { at: now, event: "replay.stored", detail } };
  });
}

function planAgain(deps: AgainDeps, replay: Replay, message: SelectedMessage, now: number): Arrival | string {
  const { body, headers, integration, source } = message;
  if (source !== null) return noWebhook;
  if (body === null) return contentRemoved;
  const arrival = deps.plan({ integration, body, headers, receivedAt: now });
  if (arrival === undefined) return integrationGone;
  const { delivery, ledger } = arrival;
  const detail = { replay: replay.id, replayOf: message.id };
  return {
    ...arrival,
    // The key begins as it always does, so that the message is still found by Genesys Cloud's id.
    dedupKey: replay.plan.keepDedup ? arrival.dedupKey : `${arrival.dedupKey}|replay:${replay.id}:${message.seq}`,
    ...(delivery === undefined ? {} : { delivery: { ...delivery, trigger: "replay" } }),
    ledger: ledger.map((line) => (line.event === "message.stored" ? { ...line, detail } : line)),
  };
}

/** Adds a delivery through one channel to each message, behind what waits for the same recipient. */
export async function sendToChannel(
  deps: AgainDeps,
  tx: Tx,
  replay: Replay,
  channel: string,
  messages: readonly SelectedMessage[],
): Promise<Turn[]> {
  const now = deps.now();
  const open = messages.filter(({ fate }) => fate === "open").map(({ seq }) => seq);
  const underWay = await findUnderWay(tx, open);
  const deliveries: NewDelivery[] = [];
  const turns = messages.map((message): Turn => {
    if (message.body === null) return miss(replay, message, { at: now, result: "failed", because: contentRemoved });
    if (message.recipientId === "")
      return miss(replay, message, { at: now, result: "failed", because: "it names no recipient" });
    if (!deliverable.has(message.kind) || message.direction !== "outbound") {
      return miss(replay, message, { at: now, result: "skipped", because: "there is nothing to deliver in it" });
    }
    if (underWay.has(message.seq))
      return miss(replay, message, { at: now, result: "skipped", because: "it is still on its way" });
    const id = deps.newId();
    const lane = laneThrough(deps, message, channel);
    deliveries.push({ messageSeq: message.seq, id, channel, lane, trigger: "replay" });
    const detail = { replay: replay.id, channel, delivery: id };
    return { message, result: "done", line: { at: now, event: "replay.queued", detail } };
  });
  await addDeliveries(tx, deliveries, now);
  return turns;
}

/** A lane is served by one channel: through another than the usual one, a recipient has a lane of its own. */
function laneThrough(deps: AgainDeps, { integration, recipientId }: SelectedMessage, channel: string): string {
  return deps.channelOf(integration) === channel
    ? laneOf(integration, recipientId)
    : keyOf(integration, recipientId, channel);
}
