import { updateBudgets } from "../../src/store/budgets";
import type { Database } from "../../src/store/database";
import { engines } from "../helpers/stores";
import { openAgain, openStore } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  test("a budget begins at 0 and keeps fractions of a millisecond", async () => {
    const { database } = await openStore(engine);
    const seen: unknown[] = [];
    const add = (tats: ReadonlyMap<string, number>) => {
      seen.push([...tats]);
      return { tats: new Map([["a", (tats.get("a") ?? 0) + 0.25]]), result: "added" };
    };
    expect(await updateBudgets(database, ["b", "a", "b"], add)).toBe("added");
    await updateBudgets(database, ["a"], add);
    await updateBudgets(database, ["a", "b"], add);
    expect(seen).toEqual([
      [
        ["a", 0],
        ["b", 0],
      ],
      [["a", 0.25]],
      [
        ["a", 0.5],
        ["b", 0],
      ],
    ]);
  });

  test("times of today are kept to the microsecond", async () => {
    const { database } = await openStore(engine);
    const tat = Date.UTC(2100, 0, 1) + 0.001;
    await updateBudgets(database, ["a"], () => ({ tats: new Map([["a", tat]]), result: undefined }));
    const read = await updateBudgets(database, ["a"], (tats) => ({ tats: new Map(), result: tats.get("a") }));
    expect(read).toBeCloseTo(tat, 3);
  });

  test("reservations made at the same time, in several processes, all count", async () => {
    const store = await openStore(engine);
    const databases = engine === "postgres" ? [store.database, openAgain(store)] : [store.database];
    const reserve = (database: Database) =>
      updateBudgets(database, ["client-1", "client-2"], (tats) => ({
        tats: new Map([...tats].map(([name, tat]) => [name, tat + 10])),
        result: tats.get("client-1"),
      }));
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, n) => reserve(databases[n % databases.length] ?? store.database)),
    );
    expect(results.sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n * 10));
  });
});
