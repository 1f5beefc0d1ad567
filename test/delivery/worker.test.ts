import { createWorker, type LoopRoom, type QueueWork } from "../../src/delivery/worker";
import type { Database } from "../../src/store/database";
import { addTasks, finishTasks, type LeasedTask } from "../../src/store/tasks";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";
import { openAgain, openStore } from "../store/open-store";

const queue = "test";

const add = (database: Database, ...keys: string[]) =>
  database.transaction((tx) =>
    addTasks(
      tx,
      keys.map((key) => ({ key, queue, dueAt: Date.now() })),
      Date.now(),
    ),
  );
const keysOf = (tasks: readonly LeasedTask[]) => tasks.map((task) => task.key);

/** Finishes what it is given, and counts. */
function createWork(database: Database, changes: Partial<QueueWork> = {}) {
  const done: string[] = [];
  let most = 0;
  let underWay = 0;
  const work: QueueWork = {
    queue,
    concurrency: 4,
    leaseMs: 60_000,
    begin: async (tasks) =>
      tasks.map(async (task) => {
        underWay += 1;
        most = Math.max(most, underWay);
        await database.transaction((tx) => finishTasks(tx, [task]));
        underWay -= 1;
        done.push(task.key);
      }),
    ...changes,
  };
  return { work, done, most: () => most };
}

function startWorker(database: Database, work: QueueWork, now: () => number = Date.now) {
  const errors: string[] = [];
  const worker = createWorker({ database, now, onError: (_, error) => void errors.push(String(error)) }, [work]);
  worker.start();
  atEnd(() => worker.stop());
  return { worker, errors };
}

describe.each(engines)("on %s", (engine) => {
  test("everything that is due is done once, never more at a time than allowed", async () => {
    const { database } = await openStore(engine);
    const keys = Array.from({ length: 30 }, (_, n) => `task-${n}`);
    await add(database, ...keys);
    const { work, done, most } = createWork(database);
    startWorker(database, work);
    await until(() => done.length === keys.length);
    expect([...done].sort()).toEqual([...keys].sort());
    expect(most()).toBeLessThanOrEqual(4);
  });

  test("a commit wakes it at once, long before it would look by itself", async () => {
    const { database } = await openStore(engine);
    const { work, done } = createWork(database);
    startWorker(database, work);
    const before = Date.now();
    for (const key of ["a", "b", "c", "d", "e"]) {
      await add(database, key);
      await until(() => done.at(-1) === key);
    }
    // It looks by itself once a second.
    expect(Date.now() - before).toBeLessThan(4000);
  });

  test("a task whose time is to come is done then", async () => {
    const { database } = await openStore(engine);
    const dueAt = Date.now() + 150;
    await database.transaction((tx) => addTasks(tx, [{ key: "later", queue, dueAt }], Date.now()));
    const { work, done } = createWork(database);
    startWorker(database, work);
    await until(() => done.length === 1);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
  });

  test("a work that permits nothing is not given anything, and asked again when it said", async () => {
    const { database } = await openStore(engine);
    await add(database, "a", "b", "c");
    let allowed = { count: 0, askAgainAt: Date.now() + 60_000 };
    const claimed: string[][] = [];
    const { work, done } = createWork(database);
    const counted: QueueWork = {
      ...work,
      permits: () => allowed,
      begin: (tasks, leasedAt) => {
        claimed.push(keysOf(tasks));
        return work.begin(tasks, leasedAt);
      },
    };
    const { worker } = startWorker(database, counted);
    await add(database, "d");
    expect(claimed).toEqual([]);
    allowed = { count: 1, askAgainAt: 0 };
    await add(database, "e");
    await until(() => done.length === 5);
    expect(claimed.every((keys) => keys.length === 1)).toBe(true);
    expect(worker.underWay().get(queue)).toBe(0);
  });

  test("stopping claims nothing more and waits for what is under way", async () => {
    const { database } = await openStore(engine);
    await add(database, "a", "b", "c");
    const finish: (() => void)[] = [];
    const { work } = createWork(database, {
      concurrency: 2,
      begin: async (tasks) => tasks.map(() => new Promise<void>((resolve) => void finish.push(resolve))),
    });
    const { worker } = startWorker(database, work);
    await until(() => finish.length === 2);
    let stopped = false;
    const stopping = worker.stop().then(() => {
      stopped = true;
    });
    finish.pop()?.();
    await until(() => worker.underWay().get(queue) === 1);
    expect(stopped).toBe(false);
    finish.pop()?.();
    await stopping;
    expect(finish).toEqual([]);
    expect(worker.underWay().get(queue)).toBe(0);
  });

  test("a claim that fails is told and tried again, and takes no room from others", async () => {
    const { database } = await openStore(engine);
    await add(database, "a");
    let failures = 0;
    const { work, done } = createWork(database, { concurrency: 1, leaseMs: 1 });
    const failing: QueueWork = {
      ...work,
      begin: async (tasks, leasedAt) => {
        failures += 1;
        if (failures < 3) throw new Error(`mistake ${failures}`);
        return work.begin(tasks, leasedAt);
      },
    };
    const { errors } = startWorker(database, failing);
    await until(() => done.length === 1);
    expect(errors).toEqual(["Error: mistake 1", "Error: mistake 2"]);
  });

  test("a task that fails under way is told, and makes room", async () => {
    const { database } = await openStore(engine);
    await add(database, "bad", "good");
    const { work, done } = createWork(database, { concurrency: 1 });
    const failing: QueueWork = {
      ...work,
      begin: async (tasks, leasedAt) =>
        tasks[0]?.key === "bad" ? [Promise.reject(new Error("a mistake"))] : work.begin(tasks, leasedAt),
    };
    const { errors } = startWorker(database, failing);
    await until(() => done.length === 1);
    expect(errors).toEqual(["Error: a mistake"]);
    expect(done).toEqual(["good"]);
  });

  test("room is kept for what need not be claimed, within what may be under way", async () => {
    const { database } = await openStore(engine);
    let room: LoopRoom | undefined;
    const { work } = createWork(database, { concurrency: 2, offer: (offered) => void (room = offered) });
    const { worker } = startWorker(database, work);
    await until(() => room?.reserve(0) !== undefined);
    expect(worker.underWay().get(queue)).toBe(1);
    const kept = room?.reserve(0);
    expect(kept?.leaseEnd).toBeGreaterThan(Date.now() + 50_000);
    expect(room?.reserve(0)).toBeUndefined();
    // Whoever goes on takes the place of the one before, but not for ever.
    expect(room?.reserve(1)).toBeDefined();
    room?.free();
    expect(room?.reserve(16)).toBeUndefined();

    let end = () => {};
    room?.run([new Promise<void>((resolve) => (end = resolve))]);
    room?.free();
    const stopped = worker.stop();
    expect(room?.reserve(0)).toBeUndefined();
    expect(worker.underWay().get(queue)).toBe(1);
    end();
    await stopped;
    expect(worker.underWay().get(queue)).toBe(0);
  });

  test("nothing overtakes what waits to be claimed", async () => {
    const { database } = await openStore(engine);
    await add(database, "one", "two", "three");
    let room: LoopRoom | undefined;
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const { work, done } = createWork(database, { concurrency: 2, offer: (offered) => void (room = offered) });
    const { begin } = work;
    work.begin = async (...claimed) =>
      (await begin(...claimed)).map(async (job) => void (await Promise.all([job, gate])));
    startWorker(database, work);
    await until(() => done.length === 2);
    expect(room?.reserve(0)).toBeUndefined();
    letGo();
    await until(() => done.length === 3);
    await until(() => room?.reserve(0) !== undefined);
    room?.free();
  });
});

test("workers of two processes share a queue without doing anything twice", async () => {
  const store = await openStore("postgres");
  const other = openAgain(store, { listen: true });
  const works = [createWork(store.database), createWork(other)];
  startWorker(store.database, works[0]?.work as QueueWork);
  startWorker(other, works[1]?.work as QueueWork);
  const keys = Array.from({ length: 100 }, (_, n) => `task-${n}`);
  for (const key of keys) await add(store.database, key);
  const done = () => works.flatMap((one) => one.done);
  await until(() => done().length >= keys.length);
  expect(done().sort()).toEqual([...keys].sort());
});
