import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { schemas } from "../../src/cli/schema";
import { writeBody } from "../../src/channels/http";
import { deliveryOf, textMessage } from "../channels/deliveries";
import { run } from "./run";

const folder = join(__dirname, "../../config");
const fileOf = (name: string) => (name === "settings" ? "schema.json" : `schema/${name}.json`);

test.each(Object.keys(schemas))("config's file of %s is what the command prints (which renews it)", async (name) => {
  const { code, stdout } = await run(["schema", name]);
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, fileOf(name)), "utf8"))).toEqual(JSON.parse(stdout));
});

const read = (name: string) => z.fromJSONSchema(JSON.parse(JSON.stringify(schemas[name]?.write())));

test("what the HTTP channel posts fits the schema of a delivery", () => {
  const notice = { to: "ines@example.org", subject: "s", text: "t", html: "<p>t</p>" };
  const bodies = [
    writeBody("message.outbound", deliveryOf(textMessage(), { part: { number: 1, count: 2 } })),
    writeBody("notice.outbound", deliveryOf(textMessage(), { notice })),
  ];
  for (const body of bodies) expect(read("delivery").safeParse(JSON.parse(body))).toMatchObject({ success: true });
  expect(read("delivery").safeParse({ type: "message.outbound" }).success).toBe(false);
});

test("an answer to a delivery fits its schema or does not", () => {
  expect(read("acceptance").safeParse({ status: "accepted", providerMessageId: 7 }).success).toBe(true);
  expect(read("acceptance").safeParse({ status: "ok" }).success).toBe(false);
  expect(read("refusal").safeParse({ code: "InvalidDestination", message: "m" }).success).toBe(true);
  expect(read("refusal").safeParse({ code: "Nobody", message: "m" }).success).toBe(false);
});

test("an unknown name is wrong usage, and the names are told", async () => {
  expect(await run(["schema", "massage"])).toEqual({
    code: 2,
    stdout: "",
    stderr: `there is no schema massage: one of ${Object.keys(schemas).join(", ")}\n`,
  });
});
