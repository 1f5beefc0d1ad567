import { judgeTrace } from "./trace";

const write = '101 pwrite64(21</data/bridge.sqlite-wal>, "7\\177\\6\\202"..., 4096, 32) = 4096';
const sync = "101 fdatasync(21</data/bridge.sqlite-wal>) = 0";
const answer =
  '101 write(30<TCP:[127.0.0.1:3000->127.0.0.1:40000]>, "HTTP/1.1 200 OK\\r\\n\\r\\n{\\"status\\":\\"stored\\"}", 60) = 60';

test("an answer after the sync of what was written is fine", () => {
  expect(judgeTrace([write, write, sync, answer])).toEqual({ answers: 1, writes: 2, syncs: 1, problems: [] });
});

test.each([
  ["before any sync", [write, answer, sync]],
  ["after a write that came after the sync", [write, sync, write, answer]],
  ["after the sync of another file", [write, "101 fdatasync(22</data/bridge.sqlite>) = 0", answer]],
  [
    "while the sync of another thread runs",
    [write, sync.replace("101", "102").replace(") = 0", " <unfinished ...>"), answer],
  ],
])("an answer %s is a problem", (_, lines) => {
  const { problems } = judgeTrace(lines);
  expect(problems).toEqual([expect.stringMatching(/^answered before the log was synced/)]);
});

test("a sync that ends on a line of its own counts from there", () => {
  const begun = "102 fdatasync(21</data/bridge.sqlite-wal> <unfinished ...>";
  const ended = "102 <... fdatasync resumed>) = 0";
  expect(judgeTrace([write, begun, ended, answer]).problems).toEqual([]);
  expect(judgeTrace([write, begun, write, ended, answer]).problems).toHaveLength(1);
});

test("a sync that failed is a problem, and no sync", () => {
  const failed = sync.replace("= 0", "= -1 EIO (Input/output error)");
  expect(judgeTrace([write, failed, answer]).problems).toHaveLength(2);
});

test("answers of other routes are not looked at", () => {
  expect(judgeTrace([write, answer.replace("stored", "ready")])).toMatchObject({ answers: 0, problems: [] });
});
