/**
 * The built bridge, except that it kills itself at a named step: `OMB_DIE_AT=adapter.answered:7` ends it, as kill -9 would, when
 * it comes by that step for the seventh time. `OMB_CLOCK_AHEAD_MS` sets its clock ahead, so that leases which a dead process has
 * left are over at once.
 *
 * What the modules of dist hand to each other is wrapped before the program that uses it is loaded; the bridge itself knows
 * nothing of this.
 */
import { join } from "node:path";
import type * as Channels from "../../src/channels/index";
import type * as Receipts from "../../src/genesys/receipts";
import type * as Log from "../../src/log";
import type * as Callbacks from "../../src/store/callbacks";
import type * as Changes from "../../src/store/changes";
import type * as Databases from "../../src/store/database";
import type * as Ingest from "../../src/store/ingest";
import type * as ReceiptRecords from "../../src/store/receipts";
import type * as Tasks from "../../src/store/tasks";
import { builtMain } from "../processes/bridge";

const [stepToDieAt, times] = (process.env.OMB_DIE_AT ?? ":").split(":");
const clockAheadMs = Number(process.env.OMB_CLOCK_AHEAD_MS ?? 0);
let left = Number(times);

function pass(step: string): void {
  if (step !== stepToDieAt) return;
  left -= 1;
  if (left <= 0) process.kill(process.pid, "SIGKILL");
}

/** Puts `make(original)` in the place of one export of a module of dist. */
function wrap<Module, Name extends keyof Module & string>(
  path: string,
  name: Name,
  make: (original: Module[Name]) => Module[Name],
): void {
  const module = require(join(__dirname, "../../dist", path)) as Module;
  const wrapped = make(module[name]);
  module[name] = wrapped;
  if (module[name] !== wrapped) throw new Error(`${path} does not let ${name} be wrapped`);
}

if (clockAheadMs > 0) {
  const realNow = Date.now;
  Date.now = () => realNow() + clockAheadMs;
}

wrap<typeof Databases, "openDatabase">("store/database", "openDatabase", (open) => (location, options) => {
  const database = open(location, options);
  return {
    ...database,
    takers: {
      ...database.takers,
      offer: (handOver, queue, taker) =>
        database.takers.offer(handOver, queue, {
          ...taker,
          give(items) {
            if (handOver.name === "lanes") pass("sending.committed");
            taker.give(items);
          },
        }),
    },
    transaction: (work) =>
      database.transaction(async (tx) => {
        const result = await work(tx);
        pass("transaction.written");
        return result;
      }),
  };
});

wrap<typeof Ingest, "createIngest">("store/ingest", "createIngest", (create) => (...deps) => {
  const save = create(...deps);
  return async (arrival) => {
    pass("webhook.received");
    const stored = await save(arrival);
    pass("arrival.committed");
    return stored;
  };
});

wrap<typeof Tasks, "leaseTasks">("store/tasks", "leaseTasks", (lease) => async (database, claim) => {
  const tasks = await lease(database, claim);
  if (tasks.length > 0 && claim.queue.startsWith("deliver:")) pass("tasks.leased");
  return tasks;
});

wrap<typeof Changes, "startDeliveries">("store/changes", "startDeliveries", (start) => async (...args) => {
  const started = await start(...args);
  if (started.length > 0) pass("sending.committed");
  return started;
});

wrap<typeof Changes, "createChanges">("store/changes", "createChanges", (create) => (...deps) => {
  const change = create(...deps);
  return async (request) => {
    let step: string | undefined;
    const state = await change({
      ...request,
      decide(current) {
        const decided = request.decide(current);
        if (decided?.attempt !== undefined) step = "outcome.committed";
        else if (decided?.delivery !== undefined) step = "confirmation.committed";
        return decided;
      },
    });
    if (step !== undefined) pass(step);
    return state;
  };
});

wrap<typeof Channels, "createChannel">("channels/index", "createChannel", (create) => (...deps) => {
  const channel = create(...deps);
  return {
    ...channel,
    async send(delivery) {
      if (delivery.notice) pass("notice.committed");
      const outcome = await channel.send(delivery);
      pass(delivery.notice ? "notice.sent" : "adapter.answered");
      return outcome;
    },
  };
});

wrap<typeof Callbacks, "createCallbacks">("store/callbacks", "createCallbacks", (create) => (...deps) => {
  const save = create(...deps);
  return async (callback) => {
    await save(callback);
    pass("report.committed");
  };
});

wrap<typeof Receipts, "createReceiptSender">("genesys/receipts", "createReceiptSender", (create) => (...deps) => {
  const send = create(...deps);
  return async (receipt) => {
    const answer = await send(receipt);
    pass("receipt.sent");
    return answer;
  };
});

wrap<typeof ReceiptRecords, "createReceiptRecorder">(
  "store/receipts",
  "createReceiptRecorder",
  (create) =>
    (...deps) => {
      const record = create(...deps);
      return async (result) => {
        await record(result);
        pass("receipt.recorded");
      };
    },
);

wrap<typeof Log, "createLog">("log", "createLog", (create) => (options) => {
  const log = create(options);
  return {
    ...log,
    noticeSent(facts) {
      log.noticeSent(facts);
      pass("notice.recorded");
    },
  };
});

require(builtMain);
