/** The package as npm packs it, used from a blank project: CommonJS, ESM, types, and the command. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(__dirname, "../..");
const modules = join(root, "node_modules");
let directory: string;
let project: string;
let packed: string[];

const execute = promisify(execFile);
const node = async (...args: string[]) => (await execute(process.execPath, args, { cwd: project })).stdout;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "omb-package-"));
  const source = join(directory, "source");
  mkdirSync(source);
  for (const name of ["package.json", "LICENSE", "README.md", "config"]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(source, name), { recursive: true });
  }
  await execute(join(modules, ".bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", join(source, "dist")], {
    cwd: root,
  });
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", directory];
  const { stdout } = await execute("npm", pack, { cwd: source });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);

  project = join(directory, "project");
  const installed = join(project, "node_modules/open-messaging-bridge");
  mkdirSync(installed, { recursive: true });
  await execute("tar", ["-xzf", join(directory, filename), "-C", installed, "--strip-components=1"]);
  for (const name of readdirSync(modules)) {
    if (!name.startsWith(".")) symlinkSync(join(modules, name), join(project, "node_modules", name));
  }
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("it carries what is run and read, and no sources or tests", () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      "dist/index.js",
      "dist/index.d.ts",
      "dist/main.js",
      "config/schema.json",
      "config/default.json",
    ]),
  );
  expect(packed.filter((path) => /^(src|test|data)\//.test(path))).toEqual([]);
});

/** Listens, sends itself a signed webhook, a forged one and a repeat, and prints what came of them. */
const program = `
const secret = "harborline-test-secret-0001";
const seen = new Map();
const listen = createWebhookListener({
  integrations: [{ name: "chat", id: "chat-id", signatureSecrets: [secret] }],
  async save({ message, dedupKey }) {
    const duplicate = seen.has(dedupKey);
    if (message.text === "no room") throw new Error("the disk is full");
    seen.set(dedupKey, message);
    return { duplicate };
  },
});
const server = createServer((req, res) => {
  if (!listen(req, res)) res.writeHead(204).end();
}).listen(0, "127.0.0.1", async () => {
  const url = "http://127.0.0.1:" + server.address().port + "/genesys/chat/outbound";
  const body = (text) => JSON.stringify({ id: text, type: "Text", text, channel: { to: { id: "crew-1" } } });
  const post = async (body, signature = signBody(Buffer.from(body), secret)) =>
    (await fetch(url, { method: "POST", body, headers: { [signatureHeader]: signature } })).status;
  const answers = [];
  for (const text of ["hello", "hello", "no room"]) answers.push(await post(body(text)));
  answers.push(await post(body("forged"), "sha256=none"), (await fetch(url)).status);
  const texts = [...seen.values()].map(({ kind, text, recipient }) => [kind, text, recipient.id]);
  console.log(JSON.stringify({ answers, texts }));
  server.close();
  server.closeAllConnections();
});
`;
const names = "createWebhookListener, signBody, signatureHeader";

test.each([
  [
    "CommonJS",
    "embed.cjs",
    `const { createServer } = require("node:http");\nconst { ${names} } = require("open-messaging-bridge");`,
  ],
  ["ESM", "embed.mjs", `import { createServer } from "node:http";\nimport { ${names} } from "open-messaging-bridge";`],
])("a program in %s listens with it", async (_, file, imports) => {
  writeFileSync(join(project, file), imports + program);
  expect(JSON.parse(await node(file))).toEqual({
    answers: [200, 200, 503, 401, 204],
    texts: [["text", "hello", "crew-1"]],
  });
});

test("signatures and meaning load neither the SDK of Genesys Cloud nor a database driver", async () => {
  const code = `
    const { verifySignature, normalize } = require("open-messaging-bridge");
    if (verifySignature(Buffer.from("{}"), "sha256=none", ["a secret"])) throw new Error("believed");
    if (normalize({ type: "Text", text: "a" }, { id: "1", integration: "c", integrationId: "i" }).kind !== "text") throw new Error();
    const packages = Object.keys(require.cache).map((file) => /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(file)?.[1]);
    console.log(JSON.stringify([...new Set(packages)].sort()));
  `;
  expect(JSON.parse(await node("-e", code))).toEqual(["open-messaging-bridge", "zod"]);
});

test("its schemas are to be had, and nothing that is not exported", async () => {
  const message = await node("-p", 'require("open-messaging-bridge/config/schema/message.json").title');
  expect(message).toBe("Message\n");
  await expect(node("-e", 'require("open-messaging-bridge/dist/app.js")')).rejects.toThrow(
    "ERR_PACKAGE_PATH_NOT_EXPORTED",
  );
});

test("its types hold a small program to them, in CommonJS and ESM", async () => {
  const typed = `
import { createServer } from "node:http";
import { type Channel, createWebhookListener, degrade, message, type Message, normalize, verifySignature } from "open-messaging-bridge";

const listen = createWebhookListener({
  integrations: [{ name: "chat", id: "i", signatureSecrets: ["s"] }],
  save: async ({ message, body }) => console.log(message.kind, body.length),
});
createServer((req, res) => void listen(req, res));
const understood: Message = normalize({}, { id: "1", integration: "chat", integrationId: "i" });
export const channel: Channel = {
  name: "pigeons", type: "pigeon", accepts: { kinds: ["text"], textLength: 80 }, confirms: "accepted", repeatable: false, timeoutMs: 1000,
  retry: { maxAgeSeconds: 60, firstDelayMs: 100, maxDelayMs: 1000 },
  async send({ message }) {
    for (const part of degrade(message, channel.accepts)) if (part.kind === "text") console.log(part.text);
    return { status: "accepted", answer: "flown" };
  },
};
export const valid: boolean = verifySignature(Buffer.from(""), undefined, ["s"]) && message.safeParse(understood).success;
// @ts-expect-error a kind that does not exist
export const wrong: Message["kind"] = "pigeon";
// @ts-expect-error an outcome without an answer
export const outcome: Awaited<ReturnType<Channel["send"]>> = { status: "accepted" };
`;
  writeFileSync(join(project, "typed.cts"), typed);
  writeFileSync(join(project, "typed.mts"), typed);
  const compilerOptions = {
    ...{ module: "nodenext", target: "es2022", strict: true, noEmit: true, skipLibCheck: false, types: ["node"] },
    lib: ["es2023"],
  };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions, include: ["typed.cts", "typed.mts"] }),
  );
  const { stdout } = await execute(join(modules, ".bin/tsc"), ["-p", project]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");
}, 60_000);

test("its command runs", async () => {
  expect(await node("node_modules/open-messaging-bridge/dist/main.js", "--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
});
