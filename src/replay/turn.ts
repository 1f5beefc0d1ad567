/** One message's turn in a replay. */
import type { LedgerLine } from "../store/ledger";
import type { Replay } from "../store/replays";
import type { SelectedMessage } from "../store/selection";
import type { Change } from "./diff";

/** What became of it. */
export interface Turn {
  message: SelectedMessage;
  result: "done" | "failed" | "skipped";
  /** Why it failed or was skipped, one of few sentences. */
  because?: string;
  line?: LedgerLine;
  /** A dry run: what would differ. */
  changes?: Change[];
}

export const contentRemoved = "its content was removed by retention or an erasure";
export const integrationGone = "its integration is not configured any more";

/** Only what Genesys Cloud sent is a webhook. */
export const noWebhook = "an adapter brought it in: it is no webhook";

/** A turn that came to nothing, with the line that says so. */
export function miss(
  replay: Replay,
  message: SelectedMessage,
  { at, result, because }: { at: number; result: "failed" | "skipped"; because: string },
): Turn {
  const line = { at, event: `replay.${result}`, detail: { replay: replay.id, because } };
  return { message, result, because, line };
}
