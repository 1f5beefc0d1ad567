/**
 * The built bridge without its worker, on either engine, run with plain node: what it stores stays due. `omb serve --web` does
 * this on PostgreSQL; on SQLite, where one process does both halves, the program itself refuses it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const dist = join(__dirname, "../../dist");
const { startBridge } = require(join(dist, "app")) as typeof import("../../src/app");
const { loadConfig } = require(join(dist, "config")) as typeof import("../../src/config");
const { createLog } = require(join(dist, "log")) as typeof import("../../src/log");

const loaded = loadConfig({ env: process.env, readFile: (path) => readFileSync(path, "utf8") });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const { config } = loaded;
const roles = { web: true, worker: false };
const log = createLog({ level: config.logLevel });
void startBridge({ config, adminToken: config.adminToken ?? "", roles, log, version: "bench" }).then((bridge) =>
  process.once("SIGTERM", () => void bridge.stop()),
);
