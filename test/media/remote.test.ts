import type { LookupAddress } from "node:dns";
import { text } from "node:stream/consumers";
import { guardLookup, type Lookup, createRemote } from "../../src/media/remote";
import { answerWith, type LocalServer, startLocalServer } from "../channels/local-server";

let server: LocalServer;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  server = await startLocalServer(answerWith(200, "bytes", { "content-type": "Image/PNG; x=1" }));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await server.stop();
});

/** A name service that answers from a table. */
function names(table: Record<string, string[]>): Lookup {
  return (hostname, _, callback) => {
    const found = table[hostname] ?? [];
    callback(null, found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })) as LookupAddress[]);
  };
}

function open(url: string, options: { trusted?: string[]; lookup?: Lookup; token?: string; timeoutMs?: number } = {}) {
  const { trusted = [], lookup } = options;
  const remote = createRemote({ trustedOrigins: trusted, ...(lookup && { lookup }) });
  closing.push(remote.close);
  return remote.open(url, { token: options.token, signal: AbortSignal.timeout(options.timeoutMs ?? 5000) });
}
const isPrivate = { ok: false, problem: { kind: "private", retryable: false } };
const port = () => new URL(server.url).port;

test.each([
  ...["http://127.0.0.1:PORT/", "http://2130706433:PORT/", "http://0x7f.1:PORT/", "http://localhost:PORT/"],
  ...["http://[::1]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://0.0.0.0:PORT/"],
  ...["http://10.0.0.1/", "http://192.168.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[fd00::1]/"],
])("%s is not asked", async (url) => {
  expect(await open(url.replace("PORT", port()))).toMatchObject(isPrivate);
  expect(server.connections()).toBe(0);
});

test.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])(
  "a name that resolves to %s is not asked, even beside a public address",
  async (address) => {
    const lookup = names({ "files.example": ["93.184.216.34", address] });
    expect(await open(`http://files.example:${port()}/`, { lookup })).toMatchObject(isPrivate);
    expect(server.connections()).toBe(0);
  },
);

test("a name that resolves to a private address only when it is connected to is not asked", async () => {
  const answers = [["93.184.216.34"], ["127.0.0.1"]];
  const lookup = guardLookup((_, __, callback) =>
    callback(
      null,
      (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
    ),
  );
  const ask = () =>
    new Promise((resolve) =>
      lookup("files.example", {}, (error, address) =>
        resolve(error ? { code: (error as { code?: string }).code } : address),
      ),
    );
  expect(await ask()).toBe("93.184.216.34");
  expect(await ask()).toEqual({ code: "EPRIVATE" });
  expect(await ask()).toEqual({ code: undefined });
});

test("a name with public addresses alone leads to them", () => {
  const addresses = [
    { address: "93.184.216.34", family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ];
  const lookup = guardLookup((_, __, callback) => callback(null, addresses));
  const answers: unknown[] = [];
  lookup("files.example", { all: true }, (...answer) => answers.push(answer));
  lookup("files.example", {}, (...answer) => answers.push(answer));
  expect(answers).toEqual([
    [null, addresses],
    [null, "93.184.216.34", 4],
  ]);
});

test.each([
  "http://127.0.0.1:PORT/inside",
  "http://localhost:PORT/inside",
  "http://169.254.169.254/latest/meta-data/",
  "http://[::ffff:127.0.0.1]:PORT/inside",
  "//10.0.0.1/inside",
])("a redirect to %s is not followed", async (location) => {
  const outside = await startLocalServer(answerWith(302, undefined, { location: location.replace("PORT", port()) }));
  closing.push(outside.stop);
  expect(await open(outside.url, { trusted: [outside.url] })).toMatchObject(isPrivate);
  expect(server.connections()).toBe(0);
});

test.each([
  "ftp://files.example/a",
  "file:///etc/passwd",
  "http://user:secret@files.example/",
  "nonsense",
  "javascript:1",
])("%s is refused", async (url) => {
  expect(await open(url)).toMatchObject({ ok: false, problem: { retryable: false } });
});

test("a trusted origin is asked with the token, and where it redirects to without", async () => {
  const gateway = await startLocalServer(answerWith(307, undefined, { location: `${server.url}/file` }));
  closing.push(gateway.stop);
  const answer = await open(`${gateway.url}/downloads/1`, { trusted: [gateway.url, server.url], token: "t-1" });
  expect(answer).toMatchObject({ ok: true, mime: "image/png", bytes: undefined });
  expect(answer.ok && (await text(answer.body))).toBe("bytes");
  expect(gateway.received[0]?.headers.authorization).toBe("Bearer t-1");
  expect(server.received[0]?.headers.authorization).toBeUndefined();
});

test("redirects in a circle end", async () => {
  server.answer((response) => response.writeHead(302, { location: "/again" }).end());
  expect(await open(server.url, { trusted: [server.url] })).toMatchObject({ ok: false, problem: { kind: "refused" } });
  expect(server.received).toHaveLength(6);
});

test.each([
  [404, false],
  [403, false],
  [401, true],
  [429, true],
  [503, true],
])("a %i is refused; another try may help: %s", async (status, retryable) => {
  server.answer(answerWith(status));
  const answer = await open(server.url, { trusted: [server.url] });
  expect(answer).toEqual({ ok: false, problem: { kind: "refused", retryable, detail: `HTTP ${status}` } });
});

test("a server that never answers is given up in time", async () => {
  server.answer(() => undefined);
  const answer = await open(server.url, { trusted: [server.url], timeoutMs: 100 });
  expect(answer).toEqual({ ok: false, problem: { kind: "unreachable", retryable: true, detail: "no answer in time" } });
});
