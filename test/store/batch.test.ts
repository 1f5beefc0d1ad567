import { setTimeout as wait } from "node:timers/promises";
import { createBatcher } from "../../src/store/batch";

const turn = () => new Promise((done) => setImmediate(done));

function start(runMs: () => number) {
  const batches: number[][] = [];
  const submit = createBatcher<number, number>({
    async run(items) {
      batches.push(items);
      await wait(runMs());
      return items.map((item) => item * 2);
    },
    maxBatch: 100_000,
    maxWaiting: 100_000,
    overloaded: () => new Error("too many"),
    retrySingly: () => false,
  });
  return { submit, batches };
}

test("what comes alone waits for two turns of the event loop at most", async () => {
  const { submit, batches } = start(() => 0);
  const answer = submit(21);
  await turn();
  await turn();
  expect(batches).toEqual([[21]]);
  expect(await answer).toBe(42);
});

test("what comes turn by turn after a long batch goes into one batch", async () => {
  const { submit, batches } = start(() => 50);
  const answers = [submit(0)];
  await wait(10);
  answers.push(submit(1));
  await answers[0];
  for (let item = 2; item < 6; item += 1) {
    answers.push(submit(item));
    await turn();
  }
  expect(await Promise.all(answers)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(batches).toEqual([[0], [1, 2, 3, 4, 5]]);
});

test("a stream that never pauses is cut after the time of the last batch", async () => {
  const { submit, batches } = start(() => 5);
  const answers: Promise<number>[] = [];
  for (const until = performance.now() + 100; performance.now() < until; await turn()) answers.push(submit(1));
  await Promise.all(answers);
  expect(batches.length).toBeGreaterThan(2);
});
