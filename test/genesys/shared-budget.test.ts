import { pace } from "../../src/genesys/budget";
import { createSharedBudget } from "../../src/genesys/shared-budget";

/** Rows as a store keeps them, one change at a time. */
function createRows() {
  const rows = new Map<string, number>();
  let updates = 0;
  return {
    rows,
    updates: () => updates,
    async update<Result>(
      names: readonly string[],
      decide: (tats: ReadonlyMap<string, number>) => { tats: ReadonlyMap<string, number>; result: Result },
    ): Promise<Result> {
      updates += 1;
      const { tats, result } = decide(new Map(names.map((name) => [name, rows.get(name) ?? 0])));
      for (const [name, tat] of tats) rows.set(name, tat);
      return result;
    },
    read: async (name: string) => rows.get(name) ?? 0,
  };
}

function createBudget(
  perMinute: number,
  rows = createRows(),
  whileAsleep: () => Promise<void> = async () => undefined,
) {
  let at = 1_000_000;
  const slept: number[] = [];
  const budget = createSharedBudget({
    organisation: "main",
    pace: pace(perMinute),
    update: rows.update,
    read: rows.read,
    now: () => at,
    async sleep(ms) {
      slept.push(ms);
      await whileAsleep();
      at += ms;
    },
  });
  return { budget, rows, slept, advance: (ms: number) => void (at += ms) };
}

test("requests that come together share one reservation", async () => {
  const { budget, rows } = createBudget(6000);
  await Promise.all(Array.from({ length: 20 }, () => budget.take("inbound", ["a"])));
  expect(rows.updates()).toBe(1);
});

test("the most urgent request gets the nearest slot", async () => {
  const { budget } = createBudget(60);
  const taken = await Promise.all([
    budget.take("campaign", ["a"]),
    budget.take("deliveredReceipt", ["a"]),
    budget.take("inbound", ["a"]),
  ]);
  expect(taken.map((turn) => "clientId" in turn)).toEqual([false, false, true]);
});

test("a slot beyond the patience of its priority is not reserved and says when to come again", async () => {
  const { budget, rows, advance } = createBudget(60);
  await budget.take("inbound", ["a"]);
  const before = new Map(rows.rows);
  const turn = await budget.take("typing", ["a"]);
  expect(rows.rows).toEqual(before);
  if (!("retryAfterMs" in turn)) throw new Error("a slot was given");
  advance(turn.retryAfterMs);
  expect(await budget.take("typing", ["a"])).toEqual({ clientId: "a" });
});

test("clients take turns, the one with the nearest slot first", async () => {
  const { budget } = createBudget(60);
  const taken = await Promise.all([budget.take("inbound", ["a", "b"]), budget.take("inbound", ["a", "b"])]);
  expect(taken).toEqual([{ clientId: "a" }, { clientId: "b" }]);
});

test("two processes share one pace", async () => {
  const rows = createRows();
  const one = createBudget(60, rows);
  const other = createBudget(60, rows);
  await one.budget.take("inbound", ["a"]);
  await other.budget.take("inbound", ["a"]);
  expect(one.slept).toEqual([]);
  expect(other.slept).toHaveLength(1);
});

test("a Retry-After holds everybody back", async () => {
  const { budget } = createBudget(6000);
  await budget.pause("a", 60_000);
  const turn = await budget.take("inbound", ["a"]);
  if (!("retryAfterMs" in turn)) throw new Error("a slot was given");
  expect(turn.retryAfterMs).toBe(60_000);
});

test("a Retry-After that another process was given meets those who wait for their slot already", async () => {
  const rows = createRows();
  const other = createBudget(60, rows);
  const one = createBudget(60, rows, () => other.budget.pause("a", 30_000));
  await one.budget.take("inbound", ["a"]);
  const turn = await one.budget.take("inbound", ["a"]);
  expect(one.slept).toHaveLength(1);
  expect(turn).toEqual({ retryAfterMs: 30_000 - (one.slept[0] ?? 0) });
});

test("a client that must stay away leaves its turns to the others", async () => {
  const { budget } = createBudget(60);
  await budget.pause("a", 60_000);
  expect(await budget.take("inbound", ["a", "b"])).toEqual({ clientId: "b" });
});

test("a Retry-After that is over holds nobody back", async () => {
  const { budget, advance } = createBudget(60);
  await budget.pause("a", 5_000);
  advance(5_000);
  expect(await budget.take("typing", ["a"])).toEqual({ clientId: "a" });
});
