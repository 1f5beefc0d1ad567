import { createBatcher } from "../../src/store/batch";

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));
const turn = () => new Promise((done) => setImmediate(done));

function start(runMs: () => number, { atOnce = 1, rests = false } = {}) {
  const batches: number[][] = [];
  const submit = createBatcher<number, number>({
    async run(items) {
      batches.push(items);
      const ms = runMs();
      if (ms > 0) await wait(ms);
      return items.map((item) => item * 2);
    },
    maxBatch: 100_000,
    atOnce,
    rests,
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

test("a batch whose items another one took meanwhile is not run", async () => {
  const { submit, batches } = start(() => (batches.length === 1 ? 20 : 0), { atOnce: 2 });
  const first = submit(0);
  await wait(5);
  const others = [submit(1)];
  await first;
  for (let item = 2; item < 40; item += 1) others.push(submit(item));
  await Promise.all(others);
  await wait(5);
  expect(batches.map((items) => items.length)).toEqual([1, 39]);
});

describe("a batch that is held up", () => {
  /** Items of the customer "blocked" take a second. */
  function startBlocked(atOnce: number) {
    const batches: string[][] = [];
    const submit = createBatcher<string, string>({
      async run(items) {
        batches.push(items);
        await wait(items.includes("blocked") ? 1000 : 1);
        return items;
      },
      maxBatch: 64,
      atOnce,
      keyOf: (item) => item,
      maxWaiting: 1000,
      overloaded: () => new Error("too many"),
      retrySingly: () => false,
    });
    return { submit, batches };
  }
  const timeOf = async (answer: Promise<unknown>, from = performance.now()) => {
    await answer;
    return performance.now() - from;
  };

  test("holds up nobody else, neither who waits already nor who comes later", async () => {
    const { submit, batches } = startBlocked(2);
    const blocked = timeOf(submit("blocked"));
    await wait(10);
    const early = timeOf(submit("early"));
    await wait(300);
    const late = timeOf(submit("late"));
    const times = await Promise.all([blocked, early, late]);
    expect(times[1]).toBeLessThan(500);
    expect(times[2]).toBeLessThan(300);
    expect(times[0]).toBeGreaterThan(900);
    expect(batches).toEqual([["blocked"], ["early"], ["late"]]);
  });

  test("keeps its own behind it, whose wait costs no turns", async () => {
    const { submit, batches } = startBlocked(3);
    const answers = [submit("blocked")];
    await wait(200);
    answers.push(submit("blocked"), submit("other"));
    const before = process.cpuUsage();
    await answers[0];
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
    await Promise.all(answers);
    expect(batches).toEqual([["blocked"], ["other"], ["blocked"]]);
  });

  test("is waited for where there is one batch at a time", async () => {
    const { submit, batches } = startBlocked(1);
    await Promise.all([submit("blocked"), wait(300).then(() => submit("late"))]);
    expect(batches).toEqual([["blocked"], ["late"]]);
    const times = await timeOf(Promise.all([submit("blocked"), wait(50).then(() => submit("late"))]));
    expect(times).toBeGreaterThan(900);
  });
});

describe("a small batch that rests", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Batches of 4 ms each; one item comes at each of `times`, in milliseconds. */
  async function submitAt(times: number[]) {
    const startedAt: number[] = [];
    const { submit, batches } = start(
      () => {
        startedAt.push(Math.round(performance.now() - zero));
        return 4;
      },
      { rests: true },
    );
    const zero = performance.now();
    const answers: Promise<number>[] = [];
    for (const at of times) {
      await jest.advanceTimersByTimeAsync(at - (performance.now() - zero));
      answers.push(submit(at));
    }
    await jest.advanceTimersByTimeAsync(100);
    await Promise.all(answers);
    return batches.map((items, index) => ({ at: startedAt[index], items: items.length }));
  }

  test("starts at once when no batch came before it", async () => {
    expect(await submitAt([0, 50])).toEqual([
      { at: 0, items: 1 },
      { at: 50, items: 1 },
    ]);
  });

  // Under the false clock, turns of the event loop take up to a millisecond each.
  test("waits as long as the last one took when nothing more comes", async () => {
    const [, second] = await submitAt([0, 2]);
    expect(second?.at).toBeGreaterThanOrEqual(8);
    expect(second?.at).toBeLessThan(12);
  });

  test("waits on while more come, but not much longer than 10 ms", async () => {
    const [first, second] = await submitAt(Array.from({ length: 40 }, (_, at) => at));
    expect(first).toEqual({ at: 0, items: 1 });
    expect(second?.at).toBeGreaterThanOrEqual(14);
    expect(second?.at).toBeLessThan(22);
  });

  test("waits no longer when it is large", async () => {
    const burst = Array.from({ length: 30 }, () => 5);
    const [, second] = await submitAt([0, 1, ...burst, 9, 10, 11]);
    expect(second?.items).toBeGreaterThanOrEqual(31);
    expect(second?.at).toBeLessThan(14);
  });
});
