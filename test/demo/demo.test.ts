/** The demo as its users meet it: a process of its own, with nothing left behind. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import HmacSHA256 from "crypto-js/hmac-sha256";
import Base64 from "crypto-js/enc-base64";
import { runDemo } from "../../src/demo/demo";
import { type Story, story } from "../../src/demo/story";

// Whole processes, on machines that may be busy with other tests.
jest.setTimeout(60_000);

const root = join(__dirname, "../..");
let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "omb-demo-test-"));
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

/** What demos left in the temporary directory; tsx keeps a cache of its own there. */
function listLeftovers(): string[] {
  return readdirSync(temporary).filter((name) => !name.startsWith("tsx-"));
}

interface Demo {
  process: ChildProcessWithoutNullStreams;
  output(): string;
  errors(): string;
  /** Resolves with what was printed once it has this in it; rejects when the demo ends before. */
  printed(text: string): Promise<string>;
  ended: Promise<number | null>;
}

function startDemo(args: string[], env: Record<string, string> = {}): Demo {
  const child = spawn(process.execPath, ["--import", "tsx", "src/main.ts", "demo", ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, TMPDIR: temporary, ...env },
  });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const printed = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => (output.includes(text) ? resolve(output) : undefined);
      child.stdout.on("data", look);
      child.once("close", () => reject(new Error(`the demo ended without "${text}":\n${output}${errors}`)));
      look();
    });
  return { process: child, output: () => output, errors: () => errors, printed, ended };
}

/** The cells of the table's row about a message. */
function findRow(output: string, message: string): string[] {
  const line = output.split("\n").find((one) => one.trim().startsWith(message) && /\S {2,}\S/.test(one.trim()));
  return line?.trim().split(/ {2,}/).slice(1) ?? [];
}

describe("omb demo --once", () => {
  test("plays the story, prints every fate and the mails, and leaves nothing behind", async () => {
    const demo = startDemo(["--once"]);
    expect({ code: await demo.ended, errors: demo.errors() }).toEqual({ code: 0, errors: "" });

    const output = demo.output();
    expect(findRow(output, "(typing)")).toEqual(["typing", "Ada", "noted", "noted", "none", "ok"]);
    const delivered = ["delivered", "delivered", "Delivered", "ok"];
    expect(findRow(output, '"Good morning, Ada')).toEqual(["text", "Ada", ...delivered]);
    expect(findRow(output, '"The way to pier 3')).toEqual(["media", "Ada", ...delivered]);
    expect(findRow(output, '"Boarding begins')).toEqual(["template", "Ada", ...delivered]);
    expect(findRow(output, '"Do you bring a bicycle')).toEqual(["structured", "Ada", ...delivered]);
    expect(findRow(output, '"Yes, a red one')).toEqual(["text", "Ada", "delivered", "delivered", "none", "ok"]);
    expect(findRow(output, 'published: "Yes')).toEqual(["receipt", "Ada", "noted", "noted", "none", "ok"]);
    expect(findRow(output, '"Your key')).toEqual(["text", "Cleo", "notified", "notified", "none", "ok"]);
    const missed = ["text", "Ben", "notified", "notified", "Failed InvalidDestination", "ok"];
    expect(findRow(output, '"Ben, your ticket is ready')).toEqual(missed);
    expect(findRow(output, '"Please show it at pier 3')).toEqual(missed);
    const optedOut = ["text", "Dan", "failed", "failed", "Failed RecipientOptedOut", "ok"];
    expect(findRow(output, '"Dan, how was')).toEqual(optedOut);
    expect(output).toContain("Subject: You have 2 new messages from Harborline\n");
    expect(output).toMatch(/somebody → bridge .* refused: 401\n/);
    expect(output).not.toContain("\u001b");
    expect(listLeftovers()).toEqual([]);
  });

  test("prints the outcome alone on stdout with --json", async () => {
    const demo = startDemo(["--once", "--json"]);
    expect(await demo.ended).toBe(0);
    const outcome = JSON.parse(demo.output());
    expect(outcome).toMatchObject({ ok: true, problems: [] });
    expect(outcome.rows).toHaveLength(countMessages(story));
    expect(outcome.mails).toHaveLength(2);
    expect(demo.errors()).toContain("What became of every message");
  });

  test("ends with 2 and the reason when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const demo = startDemo(["--once"], { PORT: String(port) });
    const code = await demo.ended;
    other.close();
    expect(code).toBe(2);
    expect(demo.errors()).toContain(
      `cannot listen on 127.0.0.1:${port} (EADDRINUSE): set PORT or HOST to what is free`,
    );
    expect(listLeftovers()).toEqual([]);
  });

  test("ends with 1 and leaves nothing behind when it is interrupted in the middle", async () => {
    const demo = startDemo(["--once"]);
    await demo.printed("2  Cleo");
    demo.process.kill("SIGINT");
    expect(await demo.ended).toBe(1);
    expect(demo.output()).not.toContain("What became of every message");
    expect(listLeftovers()).toEqual([]);
  });
});

describe("omb demo", () => {
  test("goes on running, takes one more signed message, and ends on Ctrl-C", async () => {
    const demo = startDemo([]);
    const output = await demo.printed("Ctrl-C ends the demo");
    const webhook = /^ {2}webhook +(\S+)$/m.exec(output)?.[1] ?? "";
    const body = /^ {2}body='(.*)'$/m.exec(output)?.[1] ?? "";
    const secret = /-hmac (\S+)/.exec(output)?.[1] ?? "";
    const signature = `sha256=${Base64.stringify(HmacSHA256(body, secret))}`;
    const post = () => fetch(webhook, { method: "POST", headers: { "x-hub-signature-256": signature }, body });

    expect(await (await post()).json()).toMatchObject({ status: "stored" });
    await demo.printed("Ada's screen: Hello Ada");
    await demo.printed("receipt for message by-hand-1");
    expect(await (await post()).json()).toEqual({ status: "duplicate" });

    // npm and tsx pass on what the terminal has sent to all of them.
    demo.process.kill("SIGINT");
    demo.process.kill("SIGTERM");
    expect(await demo.ended).toBe(0);
    expect(listLeftovers()).toEqual([]);
  });
});

describe("a story that comes out otherwise than expected", () => {
  let earlier: string | undefined;
  beforeEach(() => {
    earlier = process.env.TMPDIR;
    process.env.TMPDIR = temporary;
  });
  afterEach(() => {
    if (earlier === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = earlier;
  });

  test("ends with 1 and names a fate, a receipt, a mail and an answer that are not the expected ones", async () => {
    const { code, output } = await play(sabotage(story));
    expect(code).toBe(1);
    const wrong = "fate failed expected, receipt Failed ServerError expected";
    expect(findRow(output, '"Good morning, Ada')).toEqual(["text", "Ada", "failed", "delivered", "Delivered", wrong]);
    expect(findRow(output, '"The way to pier 3')).toContain("ok");
    expect(output).toContain("this e-mail did not come: ben@customer.example: You have 3 new messages");
    expect(output).toContain("this e-mail was not expected: ben@customer.example: You have 2 new messages");
    expect(output).toContain("a forged request was answered 401, not 200");
    expect(output).toMatch(/The end of the bridge's log:\n\n.*info/);
    expect(listLeftovers()).toEqual([]);
  });
});

async function play(changed: Story): Promise<{ code: number; output: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runDemo({
    version: "0.0.0",
    output: { stdout, stderr },
    once: true,
    json: false,
    isColourful: false,
    interrupted: new Promise(() => undefined),
    story: changed,
  });
  return { code, output: String(stdout.read()) };
}

/** Expects something else of the first text, of Ben's mail and of the forged request. */
function sabotage({ scenes, mails, ...rest }: Story): Story {
  return {
    ...rest,
    scenes: scenes.map((scene) => ({
      ...scene,
      steps: scene.steps.map((step) => {
        if (step.type === "forge") return { ...step, expectedStatus: 200 };
        return step.type === "say" && step.what.kind === "text" && step.what.text.startsWith("Good morning")
          ? { ...step, expected: { fate: "failed", receipt: "Failed ServerError" } }
          : step;
      }),
    })),
    mails: mails.map((mail) => ({ ...mail, subject: mail.subject.replace("2 new", "3 new") })),
  };
}

function countMessages({ scenes }: Story): number {
  const counts = { say: 1, answer: 2, forge: 0 };
  return scenes.flatMap(({ steps }) => steps).reduce((sum, { type }) => sum + counts[type], 0);
}
