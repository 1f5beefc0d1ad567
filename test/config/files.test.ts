import { readFileSync } from "node:fs";
import { z } from "zod";
import { describeSettings, loadConfig } from "../../src/config";
import { variableNames } from "../../src/config/environment";

const read = (path: string) => readFileSync(path, "utf8");

describe("config/schema.json", () => {
  test("is what the settings' schema says (`npx tsx` on describeSettings renews it)", () => {
    expect(JSON.parse(read("config/schema.json"))).toEqual(JSON.parse(JSON.stringify(describeSettings())));
  });

  const schema = z.fromJSONSchema(JSON.parse(read("config/schema.json")));

  test.each(["config/default.json", "config/demo.json"])("takes %s, references included", (file) => {
    expect(schema.safeParse(JSON.parse(read(file)))).toMatchObject({ success: true });
  });

  test("refuses an unknown key", () => {
    expect(schema.safeParse({ channel: {} }).success).toBe(false);
  });
});

describe("config/env.example", () => {
  const lines = read("config/env.example").split("\n");
  const named = lines.flatMap((line) => /^# ([A-Z_]+)=(.*)$/.exec(line)?.slice(1, 3) ?? []);
  const defaults = Object.fromEntries(named.flatMap((name, index) => (index % 2 ? [] : [[name, named[index + 1]]])));

  test("names exactly the variables that are read with config/default.json", () => {
    const asked = new Set<string>();
    const set: Record<string, string> = { OMB_CONFIG: "config/default.json" };
    const env = new Proxy(set, { get: (target, name) => (asked.add(String(name)), target[String(name)]) });
    loadConfig({ env, readFile: read });
    expect(Object.keys(defaults).sort()).toEqual([...asked].sort());
  });

  test("says one line about each, before it", () => {
    for (const name of Object.keys(defaults)) {
      const index = lines.findIndex((line) => line.startsWith(`# ${name}=`));
      expect(lines[index - 1]).toMatch(/^# [A-Z].{10,}\.$/);
      expect(lines[index - 2]).toBe("");
    }
  });

  test("shows the defaults", () => {
    const readFile = (path: string) => (path === "config/default.json" ? "{}" : read(path));
    const plain = loadConfig({ env: {}, readFile });
    expect(plain.ok).toBe(true);
    expect(loadConfig({ env: defaults, readFile })).toEqual(plain);
    const withDefault = Object.keys(defaults).filter((name) => defaults[name] !== "");
    expect(withDefault).toEqual(["OMB_CONFIG", "PORT", "HOST", "DATA_DIR", "LOG_LEVEL"]);
  });

  test("every variable with a meaning of its own is read", () => {
    expect(Object.keys(defaults)).toEqual(expect.arrayContaining(variableNames));
  });
});
