/** Reads in a trace of `strace -f -y` whether the write-ahead log was synced before each answer. Pure. */

export interface TraceVerdict {
  /** `HTTP/1.1 200` with the body of a stored webhook. */
  answers: number;
  writes: number;
  syncs: number;
  problems: string[];
}

const logWrite = /\bp?write(?:v|64)?\(\d+<[^>]*-wal>/;
const logSync = /\bf(?:data)?sync\(\d+<[^>]*-wal>\)?\s*(=\s*(-?\d+)|<unfinished)/;
const resumedSync = /<\.\.\. f(?:data)?sync resumed>\)?\s*=\s*(-?\d+)/;
const answer = /\b(?:write|writev|sendto|sendmsg)\(\d+<(?:TCP|socket)[^>]*>.*"HTTP\/1\.1 200.*stored/;

/** Lines come in the order in which calls began; one that another thread overtook ends on a line of its own. */
export function judgeTrace(lines: readonly string[]): TraceVerdict {
  const verdict: TraceVerdict = { answers: 0, writes: 0, syncs: 0, problems: [] };
  let isDirty = false;
  const syncing = new Set<string>();
  for (const line of lines) {
    const [thread = ""] = line.split(" ", 1);
    const sync = logSync.exec(line);
    const resumed = syncing.has(thread) ? resumedSync.exec(line) : null;
    if (logWrite.test(line)) {
      verdict.writes += 1;
      isDirty = true;
      // What is written while a sync runs is not covered by it.
      syncing.clear();
    } else if (sync?.[1]?.startsWith("<")) {
      syncing.add(thread);
    } else if (sync ?? resumed) {
      const result = sync ? sync[2] : resumed?.[1];
      syncing.delete(thread);
      if (result !== "0") verdict.problems.push(`a sync failed: ${line}`);
      else {
        verdict.syncs += 1;
        isDirty = false;
      }
    } else if (answer.test(line)) {
      verdict.answers += 1;
      if (isDirty) verdict.problems.push(`answered before the log was synced: ${line}`);
    }
  }
  return verdict;
}
