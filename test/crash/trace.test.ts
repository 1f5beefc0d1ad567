import { judgeTrace } from "./trace";

const log = "21</data/bridge.sqlite-wal>";
const [first, second] = ["0190f3a2-0000-7000-8000-000000000001", "0190f3a2-0000-7000-8000-000000000002"];

/** As strace prints them: the header of a frame (the page's number, the pages of a commit or 0, salts, sums), then the page. */
const header = (endsCommit: boolean) =>
  `101 pwrite64(${log}, "\\0\\0\\0\\7\\0\\0\\0${endsCommit ? "\\t" : "\\0"}\\7\\177saltsaltsum1su", 24, 32) = 24`;
const page = (id: string) => `101 pwrite64(${log}, "\\r\\0{\\"id\\":\\"${id}\\"}", 4096, 56) = 4096`;
const commit = (id: string) => [header(false), page(id), header(true), page(id)];
const answer = (id: string) =>
  `101 writev(30<TCP:[127.0.0.1:3000->127.0.0.1:40000]>, [{iov_base="HTTP/1.1 200 OK\\r\\n\\r\\n{\\"id\\":\\"${id}\\",\\"status\\":\\"stored\\"}", iov_len=60}], 1) = 60`;
const sync = `102 fdatasync(${log}) = 0`;
const begun = `102 fdatasync(${log} <unfinished ...>`;
const ended = "102 <... fdatasync resumed>) = 0";

test("an answer after the sync of its commit is fine", () => {
  expect(judgeTrace([...commit(first), sync, answer(first)])).toEqual({
    answers: 1,
    writes: 4,
    syncs: 1,
    problems: [],
  });
});

test("an answer that is sent in another way is read too", () => {
  const sent = answer(first).replace("writev", "write").replace("[{iov_base=", "").replace(", iov_len=60}], 1", ", 60");
  expect(judgeTrace([...commit(first), sync, sent])).toMatchObject({ answers: 1, problems: [] });
  expect(judgeTrace([...commit(first), sent])).toMatchObject({ answers: 1, problems: [expect.any(String)] });
});

test.each([
  ["before any sync", [...commit(first), answer(first), sync]],
  ["after a sync that came before its commit", [...commit(second), sync, ...commit(first), answer(first)]],
  ["after a sync amid its commit", [header(false), page(first), sync, header(true), page(second), answer(first)]],
  ["after the sync of another file", [...commit(first), sync.replace(log, "22</data/bridge.sqlite>"), answer(first)]],
  ["while its sync still runs", [...commit(first), begun, answer(first), ended]],
  [
    "after a sync that began before the last write",
    [...commit(first).slice(0, 3), begun, page(first), ended, answer(first)],
  ],
])("an answer %s is a problem", (_, lines) => {
  expect(judgeTrace(lines).problems).toEqual([`answered before the log was synced: ${first}`]);
});

test("an answer without a commit is a problem", () => {
  expect(judgeTrace([...commit(second), sync, answer(first)]).problems).toEqual([
    `answered, and no commit in the log: ${first}`,
  ]);
  const cut = commit(first).slice(0, 2);
  expect(judgeTrace([...cut, sync, answer(first)]).problems).toHaveLength(1);
});

test("what the next commit writes while the first is synced does not matter to the first", () => {
  const lines = [...commit(first), begun, ...commit(second), ended, answer(first)];
  expect(judgeTrace(lines).problems).toEqual([]);
  expect(judgeTrace([...lines, answer(second)]).problems).toEqual([`answered before the log was synced: ${second}`]);
});

test("a write that ends on a line of its own is to be synced from there", () => {
  const [last = "", ...rest] = commit(first).reverse();
  const lines = [
    ...rest.reverse(),
    last.replace(") = 4096", " <unfinished ...>"),
    sync,
    "101 <... pwrite64 resumed>) = 4096",
  ];
  expect(judgeTrace([...lines, answer(first)]).problems).toHaveLength(1);
  expect(judgeTrace([...lines, sync, answer(first)]).problems).toEqual([]);
});

test("a sync that failed is a problem, and no sync", () => {
  const failed = sync.replace("= 0", "= -1 EIO (Input/output error)");
  const { problems, syncs } = judgeTrace([...commit(first), failed, answer(first)]);
  expect(problems).toEqual([
    "a sync failed: -1 EIO (Input/output error)",
    `answered before the log was synced: ${first}`,
  ]);
  expect(syncs).toBe(0);
});

test("answers of other routes are not looked at", () => {
  expect(judgeTrace([answer(first).replace("stored", "ready")])).toMatchObject({ answers: 0, problems: [] });
});
