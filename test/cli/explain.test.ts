import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "../helpers/clean-up";
import { outboundBody } from "../helpers/webhook";
import { run } from "./run";

const none = { OMB_CONFIG: "no-such-settings.json" };

function explain(body: unknown, env: Record<string, string> = none, ...args: string[]) {
  return run(["explain", "-", ...args], { env, stdin: typeof body === "string" ? body : JSON.stringify(body) });
}

function settings(): Record<string, string> {
  const directory = mkdtempSync(join(tmpdir(), "omb-explain-"));
  atEnd(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "settings.json");
  const id = "2655b4c8-6386-5a64-8346-d47fed659046";
  writeFileSync(
    path,
    JSON.stringify({
      integrations: [{ name: "harborline-chat", id, signatureSecrets: ["0123456789abcdef"], channel: "pager" }],
      channels: {
        pager: {
          type: "http",
          url: "http://127.0.0.1:1/",
          secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
          accepts: { kinds: ["text"], textLength: 20, buttons: 0, typing: false },
        },
        bot: { type: "telegram", token: "1:a" },
      },
    }),
  );
  return { OMB_CONFIG: path };
}

test("quick replies are explained, and shown as each type of channel can", async () => {
  const { code, stdout, stderr } = await explain(outboundBody("structured-quick-replies", "crew-1"));
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("No usable settings") });
  expect(stdout).toMatch(/^kind\s+structured, outbound$/m);
  expect(stdout).toMatch(/^recipient\s+crew-1 \(Opaque\)$/m);
  expect(stdout).toMatch(/^not understood\s+nothing$/m);
  expect(stdout).toMatch(/^CHANNEL\s+PART\s+SHOWS\s+WITH$/m);
  expect(stdout).toMatch(/^telegram\s+1\/1 text .*\[.+\] \[.+\]$/m);
  expect(stdout).toMatch(/^forward\s+the webhook as it came$/m);
});

test("with settings, the configured channels and the integration's own are told", async () => {
  const body = outboundBody("text-agent", "crew-1", { text: "One two three four five six seven", mood: "calm" });
  const { code, stdout, stderr } = await explain(body, settings(), "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({
    message: { kind: "text", integration: "harborline-chat", genesysMessageId: body.id, raw: body },
    dedupKey: expect.stringContaining(String(body.id)),
    channel: "pager",
    unknownFields: ["mood"],
    channels: [
      { name: "pager", type: "http", shows: "parts", parts: [{ kind: "text" }, { kind: "text" }] },
      { name: "bot", type: "telegram", shows: "whole" },
    ],
  });
});

test("what is unknown is named, wherever it stands", async () => {
  const plain = outboundBody("structured-unknown-content", "crew-1");
  const channel = { ...(plain.channel as object), mood: "calm", to: { id: "crew-1", shoeSize: 41 } };
  const { stdout } = await explain({ ...plain, channel }, none, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    unknownFields: ["channel.mood", "channel.to.shoeSize"],
    unknownElements: expect.arrayContaining(["HologramV9"]),
  });
});

test.each([
  ["event-typing", /shown once beside the messages/],
  ["receipt-failed", /noted: there is nothing to deliver/],
  ["message-type-unknown", /Failed receipt \(UnsupportedMessage\)/],
])("what happens to %s is foretold", async (fixture, told) => {
  expect((await explain(outboundBody(fixture, "crew-1"))).stdout).toMatch(told);
});

test("a message to nobody is foretold to fail", async () => {
  expect((await explain({ type: "Text", text: "hello" })).stdout).toContain("it names no recipient");
});

test("a line of a capture file is read as the webhook in it", async () => {
  const body = JSON.stringify(outboundBody("text-agent", "crew-1"));
  const line = { integration: "harborline-chat", bodyBase64: Buffer.from(body).toString("base64"), headers: {} };
  const { stdout } = await explain(line, none, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ message: { kind: "text", integration: "harborline-chat" } });
});

test.each(["", "[1]", "hello", "null"])("%j is no webhook body", async (body) => {
  const ran = await explain(body, none, "--json");
  expect(ran).toMatchObject({ code: 1, stdout: "" });
  expect(JSON.parse(ran.stderr.split("\n").at(-2) ?? "")).toMatchObject({ error: { code: "invalid_json" } });
});
