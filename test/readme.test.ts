/** README.md names everything there is, and shows what works. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { z } from "zod";
import { describeSettings } from "../src/config";
import { variableNames } from "../src/config/environment";
import { sampleRequest } from "../src/demo/report";

const readme = readFileSync("README.md", "utf8");
const lines = readme.split("\n");
/** What stands in backticks. */
const named = new Set([...readme.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code ?? ""));

test("the first command stands by line 15", () => {
  expect(lines.slice(0, 15).filter((line) => line.startsWith("npm ci && npm run demo"))).toHaveLength(1);
});

test("the first screen shows the request that the demo prints", () => {
  expect(readme).toContain(sampleRequest("http://127.0.0.1:3000/genesys/harborline-chat/outbound").join("\n"));
});

test.each(variableNames)("the variable %s is in the table", (name) => {
  expect(named).toContain(name);
});

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
}

/** The last part of the path of every setting that holds a value. */
function listKeys({ properties = {}, additionalProperties, items, oneOf = [] }: Schema): string[] {
  const nested = [...oneOf, ...[items, additionalProperties].filter((one) => typeof one === "object")];
  return [
    ...Object.entries(properties).flatMap(([key, value]) => {
      const keys = listKeys(value);
      return keys.length === 0 ? [key] : keys;
    }),
    ...nested.flatMap(listKeys),
  ];
}

const keys = [...new Set(listKeys(z.looseObject({}).parse(describeSettings())))].filter((key) => key !== "$schema");
test.each(keys)("the setting %s is in the table", (key) => {
  const isNamed = [...named].some((code) => code.split(".").at(-1) === key);
  expect({ key, isNamed }).toEqual({ key, isNamed: true });
});

const map = readme.slice(readme.indexOf("## Code map"));
test.each(readdirSync("src").filter((name) => !name.startsWith("index.")))("src/%s is on the code map", (name) => {
  expect(map).toMatch(new RegExp(`(^|[\\s;])${name.replaceAll(".", "\\.")}(/|\\s|$)`, "m"));
});

test("every command it shows is there", () => {
  const help = String(spawnSync(process.execPath, ["--import", "tsx", "src/main.ts", "--help"]).stdout);
  const shown = [...readme.matchAll(/(?:\bomb|dist\/main\.js) ([a-z]+)/g)].map(([, name]) => name);
  expect(shown.length).toBeGreaterThan(5);
  for (const name of new Set(shown)) expect(help).toMatch(new RegExp(`^ {2}${name}\\b`, "m"));
});

test("every file it links to is there", () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path ?? "");
  expect(links.length).toBeGreaterThan(2);
  expect(links.filter((path) => !existsSync(path))).toEqual([]);
});

test("every heading it points at is there", () => {
  const anchors = lines
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
  for (const [, anchor] of readme.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
});
