/** One question to an adapter, and what the answer showed. */
import type { Kit } from "./kit";

/** `doubtful`: it works, and could work better. `unseen`: what this adapter shows of itself does not tell. */
export type Result = "passed" | "failed" | "doubtful" | "unseen";

export interface Verdict {
  result: Result;
  /** What the adapter did, for people. */
  found: string;
  /** What to do about it; absent when there is nothing to do. */
  mend?: string;
}

export interface Check {
  /** For machines; does not change. */
  name: string;
  expected: string;
  run(kit: Kit): Promise<Verdict>;
}

export function passed(found: string): Verdict {
  return { result: "passed", found };
}

export function failed(found: string, mend: string): Verdict {
  return { result: "failed", found, mend };
}

export function doubtful(found: string, mend: string): Verdict {
  return { result: "doubtful", found, mend };
}

export function unseen(found: string, mend: string): Verdict {
  return { result: "unseen", found, mend };
}
