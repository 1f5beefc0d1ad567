import {
  addTasks,
  finishTasks,
  hastenTask,
  leaseTasks,
  type NewTask,
  nextDueAt,
  postponeTasks,
  releaseAllLeases,
  removeTasks,
} from "../../src/store/tasks";
import type { Database } from "../../src/store/database";
import { engines } from "../helpers/stores";
import { openAgain, openStore, start } from "./open-store";

const add = (database: Database, ...tasks: NewTask[]) => database.transaction((tx) => addTasks(tx, tasks, start));
const claim = (database: Database, now = start, leaseEnd = now + 1000) =>
  leaseTasks(database, { queue: "test", limit: 10, now, leaseEnd });

describe.each(engines)("on %s", (engine) => {
  test("a task is added once per key and carries what it is about", async () => {
    const { database } = await openStore(engine);
    const task = { key: "a", queue: "test", dueAt: start, subject: 7, detail: { until: 9 } };
    await add(database, task);
    await add(database, { ...task, subject: 8 });
    const held = { key: "a", attempt: 1, leaseEnd: start + 1000, subject: 7, detail: { until: 9 } };
    expect(await claim(database)).toEqual([held]);
  });

  test("a claimed task is nobody else's until its lease ends", async () => {
    const { database } = await openStore(engine);
    await add(database, { key: "a", queue: "test", dueAt: start });
    expect(await claim(database)).toHaveLength(1);
    expect(await claim(database, start + 999)).toEqual([]);
    expect(await claim(database, start + 1000)).toMatchObject([{ key: "a", attempt: 2 }]);
  });

  test("who lost the lease can neither finish nor postpone the task", async () => {
    const { database } = await openStore(engine);
    await add(database, { key: "a", queue: "test", dueAt: start });
    const [lost] = await claim(database);
    const [held] = await claim(database, start + 1000);
    if (lost === undefined || held === undefined) throw new Error("nothing was claimed");

    await database.transaction((tx) => postponeTasks(tx, [{ task: lost, dueAt: start + 9_000_000 }]));
    expect(await nextDueAt(database.db, "test")).toBe(start + 2000);
    expect(await database.transaction((tx) => finishTasks(tx, [lost]))).toEqual(new Set());
    expect(await database.transaction((tx) => finishTasks(tx, [lost, held]))).toEqual(new Set(["a"]));
    expect(await nextDueAt(database.db, "test")).toBeUndefined();
  });

  test("only what is due is claimed, of its own queue, as many as asked for", async () => {
    const { database } = await openStore(engine);
    await add(
      database,
      { key: "later", queue: "test", dueAt: start + 1 },
      { key: "other", queue: "else", dueAt: start },
      ...["c", "a", "b"].map((key, n) => ({ key, queue: "test", dueAt: start - n })),
    );
    const first = await leaseTasks(database, { queue: "test", limit: 2, now: start, leaseEnd: start + 1000 });
    expect(first.map((task) => task.key).sort()).toEqual(["a", "b"]);
    expect((await claim(database)).map((task) => task.key)).toEqual(["c"]);
  });

  test("a task is hastened unless somebody has it", async () => {
    const { database } = await openStore(engine);
    await add(database, { key: "a", queue: "test", dueAt: start + 60_000 });
    await database.transaction((tx) => hastenTask(tx, "a", start));
    expect(await claim(database)).toHaveLength(1);
    await database.transaction((tx) => hastenTask(tx, "a", start + 1));
    expect(await claim(database, start + 1)).toEqual([]);
  });

  test("a removed task is gone", async () => {
    const { database } = await openStore(engine);
    await add(database, { key: "a", queue: "test", dueAt: start });
    await database.transaction((tx) => removeTasks(tx, ["a", "never was"]));
    expect(await claim(database)).toEqual([]);
  });

  test("a queue without work that is due wakes nobody", async () => {
    const { database } = await openStore(engine);
    const woken: string[] = [];
    database.onWork((queue) => woken.push(queue));
    await add(database, { key: "later", queue: "test", dueAt: start + 1 });
    expect(woken).toEqual([]);
    await add(database, { key: "now", queue: "test", dueAt: start });
    expect(woken).toEqual(["test"]);
  });
});

test("leases of a dead process on the same file end at start, as its lock proves it dead", async () => {
  const { database } = await openStore("sqlite");
  await add(database, { key: "a", queue: "test", dueAt: start }, { key: "b", queue: "test", dueAt: start + 500 });
  await claim(database, start, start + 60_000);
  await releaseAllLeases(database, start + 1);
  expect((await claim(database, start + 1)).map((task) => task.key)).toEqual(["a"]);
  expect(await nextDueAt(database.db, "test")).toBe(start + 500);
});

test("leases on PostgreSQL outlive the start of another process, whose neighbours may be alive", async () => {
  const store = await openStore("postgres");
  await add(store.database, { key: "a", queue: "test", dueAt: start });
  await claim(store.database, start, start + 60_000);
  const other = openAgain(store);
  await releaseAllLeases(other, start + 1);
  expect(await claim(other, start + 1)).toEqual([]);
});

test("two processes never claim the same task, and neither waits for the other", async () => {
  const store = await openStore("postgres");
  const other = openAgain(store);
  const keys = Array.from({ length: 200 }, (_, n) => `task-${n}`);
  await add(store.database, ...keys.map((key) => ({ key, queue: "test", dueAt: start })));

  const claimed = await Promise.all(Array.from({ length: 40 }, (_, n) => claim(n % 2 === 0 ? store.database : other)));

  expect(
    claimed
      .flat()
      .map((task) => task.key)
      .sort(),
  ).toEqual([...keys].sort());
});
