/** The same exchanges in the calling thread and, in the program as it is built, in a thread of their own. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createHttpExchange } from "../../src/outgoing/exchange";
import type { ExchangeSettings, HttpExchange } from "../../src/outgoing/http";
import { atEnd } from "../helpers/clean-up";
import { until } from "../helpers/until";

const root = resolve(__dirname, "../..");
const build = mkdtempSync(join(tmpdir(), "omb-outgoing-"));
type Outgoing = { createHttpExchange: typeof createHttpExchange };
let built: Outgoing;

beforeAll(() => {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const target = ["--outDir", join(build, "dist")];
  execFileSync(process.execPath, [compiler, "-p", "tsconfig.build.json", ...target], { cwd: root });
  symlinkSync(join(root, "node_modules"), join(build, "node_modules"));
  built = require(join(build, "dist/outgoing/exchange.js")) as Outgoing;
}, 120_000);
afterAll(() => rmSync(build, { recursive: true, force: true }));

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with the request's method, path and body. */
const echo: RequestListener = (req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => {
    res.writeHead(202, { "x-method": req.method });
    res.end(`${req.url} ${Buffer.concat(chunks).toString("hex")}`);
  });
};

describe.each([
  ["in the calling thread", () => createHttpExchange],
  ["in a thread of its own", () => built.createHttpExchange],
])("%s", (_, creator) => {
  function open(settings: Partial<ExchangeSettings> & { origin: string }): HttpExchange {
    const exchange = creator()({ timeoutMs: 5000, ...settings });
    atEnd(() => exchange.close());
    return exchange;
  }

  test("a request comes back with status, headers and body", async () => {
    const exchange = open({ origin: await serve(echo) });
    const answer = await exchange.send({ method: "PUT", path: "/a?b=c", headers: {}, body: "Grüße" });
    expect(answer).toMatchObject({
      kind: "answered",
      status: 202,
      headers: { "x-method": "PUT" },
      body: `/a?b=c ${Buffer.from("Grüße").toString("hex")}`,
    });
  });

  test("bytes that are part of a larger buffer arrive alone and unchanged", async () => {
    const exchange = open({ origin: await serve(echo) });
    const body = Buffer.from([9, 9, 0, 255, 128, 10, 9]).subarray(2, 6);
    expect(await exchange.send({ path: "/", headers: {}, body })).toMatchObject({ body: "/ 00ff800a" });
  });

  test("each of many requests at once gets its own answer", async () => {
    const exchange = open({ origin: await serve(echo) });
    const numbers = Array.from({ length: 200 }, (_one, n) => n);
    const answers = await Promise.all(numbers.map((n) => exchange.send({ path: `/${n}`, headers: {}, body: "" })));
    expect(answers.map((answer) => answer.kind === "answered" && answer.body.trim())).toEqual(
      numbers.map((n) => `/${n}`),
    );
  });

  test("a server that says nothing has perhaps received it", async () => {
    const exchange = open({ origin: await serve(() => undefined), timeoutMs: 100 });
    const answer = await exchange.send({ path: "/", headers: {}, body: "" });
    expect(answer).toEqual({ kind: "unanswered", problem: "no answer in time", code: "timeout", mayHaveArrived: true });
  });

  test("what did not begin in time is not begun", async () => {
    let requests = 0;
    const origin = await serve((req, res) => {
      requests += 1;
      echo(req, res);
    });
    const exchange = open({ origin });
    const late = await exchange.send({ path: "/", headers: {}, startBy: Date.now() });
    expect(late).toEqual({
      kind: "unanswered",
      problem: "no answer in time",
      code: "timeout",
      mayHaveArrived: false,
    });
    expect(await exchange.send({ path: "/", headers: {} })).toMatchObject({ kind: "answered" });
    expect(requests).toBe(1);
  });

  test("a port that nobody listens on has received nothing", async () => {
    const server = createTcpServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const exchange = open({ origin: `http://127.0.0.1:${port}` });
    expect(await exchange.send({ path: "/", headers: {}, body: "" })).toMatchObject({
      kind: "unanswered",
      code: "ECONNREFUSED",
      mayHaveArrived: false,
    });
  });

  test("an answer that breaks off, or is longer than allowed, is none", async () => {
    const broken = open({
      origin: await serve((_req, res) => {
        res.writeHead(200, { "content-length": "100" });
        res.write("half", () => res.socket?.destroy());
      }),
    });
    expect(await broken.send({ path: "/", headers: {}, body: "" })).toMatchObject({
      kind: "unanswered",
      problem: expect.stringMatching(/^HTTP 200 cut short/),
      mayHaveArrived: true,
    });
    const long = open({ origin: await serve((_req, res) => res.end("x".repeat(2000))), maxAnswerBytes: 1000 });
    expect(await long.send({ path: "/", headers: {}, body: "" })).toMatchObject({ kind: "unanswered" });
  });

  test("closing waits for what is under way, and nothing goes out after it", async () => {
    const held: ServerResponse[] = [];
    const exchange = creator()({ origin: await serve((_req, res) => void held.push(res)), timeoutMs: 5000 });
    const answer = exchange.send({ path: "/", headers: {}, body: "" });
    await until(() => held[0]);
    const closed = exchange.close();
    held[0]?.end("late");
    expect(await answer).toMatchObject({ kind: "answered", body: "late" });
    await closed;
    expect(await exchange.send({ path: "/", headers: {}, body: "" })).toMatchObject({
      kind: "unanswered",
      mayHaveArrived: false,
    });
  });
});
