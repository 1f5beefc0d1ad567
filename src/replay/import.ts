/** Keeps captures of a file: as webhooks that came once, with nothing to be delivered until they are replayed. */
import { keepMeanings } from "../store/again";
import type { Database } from "../store/database";
import { type Arrival, saveArrivals } from "../store/ingest";
import type { Capture } from "./capture-file";

export interface ImportDeps {
  database: Database;
  /** What a webhook with this body would lead to; undefined when its integration is not configured. */
  plan(capture: Capture): Arrival | undefined;
  now: () => number;
}

export interface Imported {
  stored: number;
  /** Captures that an earlier import has brought already. */
  known: number;
  /** Captures that cannot be kept, by their place in the list. */
  refused: { index: number; problem: string }[];
}

/** One commit for all of them. */
export async function importCaptures(
  { database, plan, now }: ImportDeps,
  captures: readonly Capture[],
): Promise<Imported> {
  const refused: Imported["refused"] = [];
  const arrivals: Arrival[] = [];
  const meanings: { id: string; meaning: string }[] = [];
  for (const [index, capture] of captures.entries()) {
    const arrival = plan(capture);
    if (arrival === undefined) {
      const problem = `no integration is called ${JSON.stringify(capture.integration)} in these settings: --integration puts captures into another one`;
      refused.push({ index, problem });
      continue;
    }
    arrivals.push(asImported(arrival, now()));
    if (capture.meaning !== undefined) meanings.push({ id: arrival.id, meaning: JSON.stringify(capture.meaning) });
  }
  const stored = await database.transaction(async (tx) => {
    const saved = await saveArrivals(tx, arrivals, now());
    await keepMeanings(tx, meanings);
    return saved;
  });
  const known = stored.filter(({ duplicate }) => duplicate).length;
  return { stored: stored.length - known, known, refused };
}

function asImported({ delivery: _delivery, tasks: _tasks, ...arrival }: Arrival, now: number): Arrival {
  return {
    ...arrival,
    fate: "noted",
    reason: null,
    // A key of its own: the webhook itself, should it still come, is no repeat of what a file told.
    dedupKey: `${arrival.dedupKey}|import:${arrival.receivedAt}`,
    ledger: [{ at: now, event: "message.imported" }],
  };
}
