import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findViolations } from "./helpers/architecture";

const root = join(__dirname, "../src");

function readSources(): Map<string, string> {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts"))
    .sort();
  return new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
}

test("every source keeps to the import rules", () => {
  const sources = readSources();
  expect([...sources.keys()]).toEqual(expect.arrayContaining(["config.ts", "message/message.ts"]));
  expect(findViolations(sources)).toEqual([]);
});

describe("the rules", () => {
  const parts = {
    "errors.ts": "export class BridgeError extends Error {}",
    "log.ts": 'import pino from "pino"; export const log = pino();',
    "config.ts": "export const config = process.env.PORT;",
    "app.ts":
      'import { http } from "./channels/http"; import { save } from "./store/save"; import express from "express";',
    "message/message.ts": 'import { z } from "zod"; import { createHash } from "node:crypto";',
    "store/save.ts": 'import type { Message } from "../message/message"; import { Kysely } from "kysely";',
    "channels/channel.ts": 'import type { Message } from "../message/message";',
    "channels/http.ts": 'import type { Channel } from "./channel"; import { request } from "undici";',
    "delivery/deliver.ts": 'import type { Channel } from "../channels/channel"; import { save } from "../store/save";',
    "fallback/policy.ts": 'import { DateTime } from "luxon";',
    "genesys/client.ts": 'import platform from "purecloud-platform-client-v2";',
    "webhook/signature.ts": 'import { timingSafeEqual } from "node:crypto";',
    "simulator/simulator.ts": 'import type { Message } from "../message/message";',
    "cli.ts": 'import { Command } from "commander"; import "./simulator/simulator"; console.log("done");',
    "main.ts": 'import "./cli"; import { version } from "../package.json"; run(process.env);',
  };

  test("a tree that keeps to them has no violations", () => {
    expect(findViolations(new Map(Object.entries(parts)))).toEqual([]);
  });

  test.each([
    ["store/save.ts", 'import { http } from "../channels/http";', "may not import channels/http.ts"],
    ["store/save.ts", 'import type { Channel } from "../channels/channel";', "may not import channels/channel.ts"],
    ["store/save.ts", 'let a: import("../genesys/client").Client;', "may not import genesys/client.ts"],
    ["store/save.ts", 'export * from "../fallback/policy";', "may not import fallback/policy.ts"],
    ["store/save.ts", 'export { http } from "../channels/http";', "may not import channels/http.ts"],
    ["store/save.ts", 'import config = require("../config");', "may not import config.ts"],
    ["channels/http.ts", 'import type { Config } from "../config";', "may not import config.ts"],
    ["channels/http.ts", 'const a = await import("../store/save");', "may not import store/save.ts"],
    ["channels/http.ts", 'const a = require("../store/save");', "may not import store/save.ts"],
    ["channels/http.ts", "const a = require(name);", "imports what cannot be known"],
    ["delivery/deliver.ts", 'import { http } from "../channels/http";', "may not import channels/http.ts"],
    ["delivery/deliver.ts", 'import express from "express";', "may not import express"],
    ["webhook/signature.ts", 'import { deliver } from "../delivery/deliver";', "may not import delivery/deliver.ts"],
    ["webhook/signature.ts", 'import { page } from "../admin/page";', "finds no source at ../admin/page"],
    ["webhook/signature.ts", 'import { save } from "../store/save.js";', "finds no source at ../store/save.js"],
    ["message/message.ts", 'import { log } from "../log";', "may not import log.ts"],
    ["message/message.ts", 'import { readFileSync } from "node:fs";', "may not import node:fs"],
    ["simulator/simulator.ts", 'import { BridgeError } from "../errors";', "may not import errors.ts"],
    ["app.ts", 'import "./simulator/simulator";', "may not import simulator/simulator.ts"],
    ["cli.ts", 'import { save } from "./store/save";', "may not import store/save.ts"],
    [
      "genesys/receipts.ts",
      'import platform from "purecloud-platform-client-v2";',
      "may not import purecloud-platform-client-v2",
    ],
    ["delivery/deliver.ts", 'import { sql } from "kysely/helpers/postgres";', "may not import kysely/helpers/postgres"],
    ["fallback/policy.ts", 'import { Client } from "pg";', "may not import pg"],
    ["fallback/policy.ts", 'import left from "left-pad";', "may not import left-pad"],
    ["fallback/policy.ts", "const a = process.env.PORT;", "reads the environment"],
    ["fallback/policy.ts", 'const a = globalThis.process?.["env"];', "reads the environment"],
    ["fallback/policy.ts", "const { env } = process;", "reads the environment"],
    ["fallback/policy.ts", 'import { env } from "node:process";', "reads the environment"],
    ["fallback/policy.ts", "console.error(1);", "writes to the console"],
    ["fallback/utils.ts", "", "has a name that says nothing"],
    ["fallback/time-helpers.ts", "", "has a name that says nothing"],
    ["fallback/common/time.ts", "", "has a name that says nothing"],
    ["billing/invoice.ts", "", "is in a part that is not on the map"],
  ])("%s with %s is found", (file, source, what) => {
    const planted = new Map(Object.entries({ ...parts, [file]: source }));
    expect(findViolations(planted)).toEqual([`${file}: ${what}`]);
  });

  test("a cycle is found, of types too, and told once", () => {
    const planted = new Map([
      ["fallback/a.ts", 'import { b } from "./b";'],
      ["fallback/b.ts", 'import type { C } from "./c";'],
      ["fallback/c.ts", 'import "./a"; import "./d";'],
      ["fallback/d.ts", ""],
    ]);
    expect(findViolations(planted)).toEqual([
      "fallback/a.ts: imports itself: fallback/a.ts -> fallback/b.ts -> fallback/c.ts -> fallback/a.ts",
    ]);
  });

  test("words in comments and texts are no imports", () => {
    const source =
      '// import "../store/save"; process.env\n/* console.log() */ const a = `import "pg"` + "process.env";';
    expect(findViolations(new Map([["fallback/policy.ts", source]]))).toEqual([]);
  });
});
