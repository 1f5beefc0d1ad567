/**
 * Reads in a trace of `strace -f -y -s 4096` whether each answered webhook was synced before its answer. Pure.
 *
 * A webhook's commit is found by its id: the first frames of the write-ahead log that contain it, up to the frame that ends the
 * commit (https://www.sqlite.org/fileformat2.html#wal_frame_format: bytes 4 to 7 of its header are not zero). A sync counts for it
 * when it began after the last of these writes and returned 0 before the answer. What other commits write meanwhile is no matter.
 */

export interface TraceVerdict {
  /** `HTTP/1.1 200` with the body of a stored webhook. */
  answers: number;
  writes: number;
  /** That returned 0. */
  syncs: number;
  problems: string[];
}

/** One system call; `began` and `ended` are the numbers of its lines, which differ when another thread came between. */
interface Call {
  name: string;
  began: number;
  ended: number;
  file: string;
  /** Its first string argument, a character for each byte. */
  data: string;
  result: string;
}

/** A webhook's frames in the log: when the last of them was written. */
interface Commit {
  ids: Set<string>;
  ended: number;
}

const wholeCall =
  /^(\d+) +(\w+)\(\d+<((?:->|[^>])*)>(?:, (?:\[\{iov_base=)?"((?:[^"\\]|\\.)*)")?.*?(?:\) += (.*)|<unfinished \.\.\.>)$/;
const resumedCall = /^(\d+) +<\.\.\. \w+ resumed>.*\) += (.*)$/;
const storedAnswer = /^HTTP\/1\.1 200[^]*"status":"stored"/;
const idPattern = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const frameHeaderBytes = 24;

export function judgeTrace(lines: readonly string[]): TraceVerdict {
  const calls = readCalls(lines);
  const writes = calls.filter(({ name, file }) => isLog(file) && name.includes("write"));
  const syncs = calls.filter(({ name, file }) => isLog(file) && name.includes("sync"));
  const finished = syncs.filter(({ result }) => result === "0");
  const answers = calls.filter(({ file, data }) => !isLog(file) && storedAnswer.test(data));
  const commits = readCommits(writes);
  const problems = syncs.filter((sync) => !finished.includes(sync)).map(({ result }) => `a sync failed: ${result}`);
  for (const { began, data } of answers) {
    const [id = ""] = data.match(idPattern) ?? [];
    const commit = commits.find(({ ids }) => ids.has(id));
    if (!commit) problems.push(`answered, and no commit in the log: ${id}`);
    else if (!finished.some((sync) => sync.began > commit.ended && sync.ended < began)) {
      problems.push(`answered before the log was synced: ${id}`);
    }
  }
  return { answers: answers.length, writes: writes.length, syncs: finished.length, problems };
}

const isLog = (file: string) => file.endsWith("-wal");

function readCalls(lines: readonly string[]): Call[] {
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  for (const [at, line] of lines.entries()) {
    const whole = wholeCall.exec(line);
    const resumed = resumedCall.exec(line);
    if (whole) {
      const [, thread = "", name = "", file = "", quoted = "", result] = whole;
      const ended = result === undefined ? Number.POSITIVE_INFINITY : at;
      const call = { name, began: at, ended, file, data: unquote(quoted), result: result ?? "not ended" };
      calls.push(call);
      if (result === undefined) open.set(thread, call);
    } else if (resumed) {
      const call = open.get(resumed[1] ?? "");
      if (call) Object.assign(call, { ended: at, result: resumed[2] });
      open.delete(resumed[1] ?? "");
    }
  }
  return calls;
}

/** Each frame is two writes: its header, then its page. */
function readCommits(writes: readonly Call[]): Commit[] {
  const commits: Commit[] = [];
  let ids = new Set<string>();
  let endsCommit = false;
  for (const { data, ended } of writes) {
    if (data.length === frameHeaderBytes) {
      endsCommit = data.slice(4, 8) !== "\0\0\0\0";
      continue;
    }
    for (const id of data.match(idPattern) ?? []) ids.add(id);
    if (!endsCommit) continue;
    commits.push({ ids, ended });
    ids = new Set();
    endsCommit = false;
  }
  return commits;
}

const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f" };

/** strace writes bytes as C does: octal with up to three digits, a letter for some, a backslash before the rest. */
function unquote(quoted: string): string {
  return quoted.replace(/\\([0-7]{1,3}|[^])/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (escapes[code] ?? code),
  );
}
