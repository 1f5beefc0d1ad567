import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import supertest from "supertest";
import { signLink, verifyLink } from "../../src/media/links";
import { createMedia, type MediaRule, needsMedia } from "../../src/media/media";
import { createRemote } from "../../src/media/remote";
import { mediaRoutes } from "../../src/media/routes";
import { createShelf } from "../../src/media/shelf";
import type { Message } from "../../src/message/message";
import { normalize } from "../../src/message/normalize";
import { messageFields } from "../channels/deliveries";
import { answerWith, type LocalServer, startLocalServer } from "../channels/local-server";

const png = "bytes of a picture";
const linkKey = "admin-token";
let directory: string;
let genesys: LocalServer;
let at: number;
let remote: ReturnType<typeof createRemote>;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "omb-media-"));
  genesys = await startLocalServer();
  at = Date.now();
  remote = createRemote({ trustedOrigins: [genesys.url] });
});
afterEach(async () => {
  await remote.close();
  await genesys.stop();
  rmSync(directory, { recursive: true, force: true });
});

function makeMedia(options: { publicUrl?: string | undefined; maxBytes?: number } = {}) {
  const shelf = createShelf({
    directory: join(directory, "media"),
    keepMs: 60_000,
    maxBytes: options.maxBytes ?? 1000,
    now: () => at,
  });
  const prepare = createMedia({
    remote,
    shelf,
    linkKey,
    publicUrl: "publicUrl" in options ? options.publicUrl : "https://bridge.example",
    sourceOf: () => ({ owns: (url) => url.origin === genesys.url, token: async () => "t-1" }),
  });
  const app = express().use(mediaRoutes({ shelf, linkKey, now: () => at }));
  app.use(
    (_error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) =>
      void res.status(404).end(),
  );
  /** Fetches a link that a message carries. */
  const get = (link: string) => supertest(app).get(new URL(link).pathname);
  return { shelf, prepare, get };
}

function media(url: string, changes: Record<string, unknown> = {}, id = "m-1"): Message {
  const attachment = { mediaType: "Image", url, mime: "image/png", filename: "deck plan.png", ...changes };
  const body = { type: "Structured", text: "Here", content: [{ contentType: "Attachment", attachment }] };
  return normalize(body, { ...messageFields(), id });
}
const auto: MediaRule = { mode: "auto" };
const rehost: MediaRule = { mode: "rehost" };

/** Opens only to the token, as Genesys Cloud's downloads do. */
function needToken(): void {
  genesys.answer((response, { headers }, request) =>
    answerWith(headers.authorization === "Bearer t-1" ? 200 : 401, png, { "content-type": "image/png" })(
      response,
      { headers } as never,
      request,
    ),
  );
}

function urlOf(prepared: Awaited<ReturnType<ReturnType<typeof makeMedia>["prepare"]>>): string {
  if (!prepared.ok || prepared.message.kind !== "media") throw new Error(JSON.stringify(prepared));
  return String(prepared.message.attachments[0]?.url);
}

test("a file that needs Genesys Cloud's token is fetched with it and served by a link, everywhere but in raw", async () => {
  needToken();
  const { prepare, get } = makeMedia();
  const url = `${genesys.url}/api/v2/downloads/1`;
  const prepared = await prepare(media(url), auto);
  const link = urlOf(prepared);
  expect(link).toMatch(/^https:\/\/bridge\.example\/media\/[\w.-]+$/);
  expect(prepared).toMatchObject({
    message: {
      elements: [{ attachment: { url: link } }],
      raw: { content: [{ attachment: { url } }] },
      text: "Here",
    },
  });
  const answer = await get(link).buffer();
  expect(answer.status).toBe(200);
  expect(answer.body.toString()).toBe(png);
  expect(answer.headers).toMatchObject({
    "content-type": "image/png",
    "content-disposition": 'inline; filename="deck plan.png"',
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
  });
  expect(genesys.received.map(({ headers }) => headers.authorization)).toEqual([undefined, "Bearer t-1"]);

  expect(urlOf(await prepare(media(url), auto))).toBe(link);
  expect(genesys.received).toHaveLength(2);
});

test("a file that opens to all is passed on by its own URL", async () => {
  genesys.answer(answerWith(206, png, { "content-type": "image/png" }));
  const url = `${genesys.url}/public/1`;
  const { prepare } = makeMedia();
  expect(urlOf(await prepare(media(url), auto))).toBe(url);
  expect(urlOf(await prepare(media(url, {}, "m-2"), auto))).toBe(url);
  expect(genesys.received).toHaveLength(1);
  expect(genesys.received[0]?.headers.range).toBe("bytes=0-0");
});

test("a log-in page in place of a picture does not count as open", async () => {
  genesys.answer((response, { headers }, request) =>
    answerWith(200, "x", { "content-type": headers.authorization ? "image/png" : "text/html" })(
      response,
      { headers } as never,
      request,
    ),
  );
  expect(urlOf(await makeMedia().prepare(media(`${genesys.url}/1`), auto))).toMatch(/^https:\/\/bridge/);
});

test.each([
  ["of other hosts", "https://files.example/1.png", {}],
  ["without a public URL of the bridge", "GENESYS/1", { publicUrl: undefined }],
])("with auto, files %s are passed on unasked", async (_, url, options) => {
  const real = url.replace("GENESYS", genesys.url);
  expect(urlOf(await makeMedia(options).prepare(media(real), auto))).toBe(real);
  expect(genesys.received).toEqual([]);
});

test.each([
  ["is gone", answerWith(404), {}, { retryable: false, code: "GeneralError" }],
  ["is away", answerWith(503), {}, { retryable: true, code: "ServerError" }],
  [
    "says it is too large",
    answerWith(200, "12345", { "content-type": "image/png", "content-length": "5" }),
    { maxBytes: 4 },
    { retryable: false, code: "InvalidMediaContentLength" },
  ],
  [
    "turns out too large",
    answerWith(200, "12345", { "content-type": "image/png", "transfer-encoding": "chunked" }),
    { maxBytes: 4 },
    { retryable: false, code: "InvalidMediaContentLength" },
  ],
  [
    "is of a type not taken",
    answerWith(200, "x", { "content-type": "image/tiff" }),
    { mediaTypes: ["image/png"] },
    { retryable: false, code: "MediaTypeNotAllowed" },
  ],
  [
    "is a page",
    answerWith(200, "x", { "content-type": "text/html" }),
    {},
    { retryable: false, code: "MediaTypeNotAllowed" },
  ],
])(
  "a file that %s fails a rehost, is passed on by auto, and leaves nothing behind",
  async (_, answer, limits, { retryable, code }) => {
    genesys.answer(answer);
    const { prepare } = makeMedia();
    const url = `${genesys.url}/1`;
    expect(await prepare(media(url), { ...rehost, ...limits })).toMatchObject({
      ok: false,
      retryable,
      reason: { code },
    });
    expect(urlOf(await prepare(media(url), { ...auto, ...limits }))).toBe(url);
    expect(await readdir(join(directory, "media")).catch(() => [])).toEqual([]);
  },
);

test("a rehost does not reach into a private network", async () => {
  const inside = await startLocalServer(answerWith(200, png, { "content-type": "image/png" }));
  const prepared = await makeMedia().prepare(media(inside.url), rehost);
  expect(prepared).toMatchObject({ ok: false, retryable: false, reason: { code: "GeneralError" } });
  expect(inside.connections()).toBe(0);
  await inside.stop();
});

test("links, and messages without files, need nothing", () => {
  expect(needsMedia(media("https://a.example", { mediaType: "Link" }), rehost)).toBe(false);
  expect(needsMedia(media("https://a.example"), { mode: "pass" })).toBe(false);
  expect(needsMedia(media("https://a.example"), auto)).toBe(true);
});

test("what nobody should run is handed out as a download", async () => {
  genesys.answer(answerWith(200, "<svg/>", { "content-type": "image/svg+xml" }));
  const { prepare, get } = makeMedia();
  const answer = await get(urlOf(await prepare(media(`${genesys.url}/1`, { filename: 'a"\r\nx: y.svg' }), rehost)));
  expect(answer.headers["content-disposition"]).toMatch(/^attachment; filename=/);
  expect(answer.headers).not.toHaveProperty("x");
  expect(answer.headers["content-type"]).toBe("image/svg+xml");
});

test("a link serves ranges, expires, and cannot be made up", async () => {
  needToken();
  const { prepare, get, shelf } = makeMedia();
  const link = urlOf(await prepare(media(`${genesys.url}/1`), auto));
  expect((await get(link).set("range", "bytes=0-3").buffer()).status).toBe(206);
  expect((await get(`${link.slice(0, -2)}xx`)).status).toBe(404);
  expect((await get("https://bridge.example/media/..%2F..%2Fetc%2Fpasswd")).status).toBe(404);
  at += 60_000;
  expect((await get(link)).status).toBe(404);
  await shelf.sweep();
  expect(await readdir(join(directory, "media"))).toEqual([]);
});

test("a signature holds for one file, one time and one key", () => {
  const file = { id: "a".repeat(64), expiresAt: 5000 };
  const token = signLink(file, "key");
  expect(verifyLink(token, "key", 4999)).toEqual(file);
  expect(verifyLink(token, "key", 5000)).toBeUndefined();
  expect(verifyLink(token, "other", 0)).toBeUndefined();
  expect(verifyLink(token.replace("a", "b"), "key", 0)).toBeUndefined();
  expect(verifyLink(token.replace(".3uw.", ".3uww."), "key", 0)).toBeUndefined();
  expect(verifyLink("", "key", 0)).toBeUndefined();
});

test("the oldest files make room for new ones", async () => {
  genesys.answer(answerWith(200, "x".repeat(40), { "content-type": "image/png" }));
  const { prepare, get } = makeMedia({ maxBytes: 100 });
  const links: string[] = [];
  for (const id of ["m-1", "m-2", "m-3"]) {
    links.push(urlOf(await prepare(media(`${genesys.url}/1`, {}, id), rehost)));
    at += 1;
  }
  const statuses = [];
  for (const link of links) statuses.push((await get(link)).status);
  expect(statuses).toEqual([404, 200, 200]);
});

test("the copies of one message go when it is forgotten, and those of others stay", async () => {
  needToken();
  const { shelf, prepare, get } = makeMedia();
  const link = async (id: string, path: string) => urlOf(await prepare(media(`${genesys.url}${path}`, {}, id), auto));
  const [first, second, other] = [await link("m-1", "/1"), await link("m-1", "/2"), await link("m-2", "/1")];
  expect(await shelf.removeOf(["m-1", "m-3"])).toBe(2);
  expect([(await get(first)).status, (await get(second)).status, (await get(other)).status]).toEqual([404, 404, 200]);
  expect(await readdir(join(directory, "media"))).toHaveLength(2);
  expect(await shelf.removeOf(["m-1"])).toBe(0);
});

test("a label whose file is not there is forgotten, too", async () => {
  needToken();
  const { shelf, prepare } = makeMedia();
  await prepare(media(`${genesys.url}/1`, {}, "m-1"), auto);
  const names = await readdir(join(directory, "media"));
  await rm(join(directory, "media", names.find((name) => name.endsWith(".file")) ?? ""));
  expect(await shelf.removeOf(["m-1"])).toBe(1);
  expect(await readdir(join(directory, "media"))).toEqual([]);
});

test("before anything was copied there is nothing to forget", async () => {
  expect(await makeMedia().shelf.removeOf(["m-1"])).toBe(0);
});

test("a download that breaks off is no file", async () => {
  genesys.answer((response) => {
    response.writeHead(200, { "content-type": "image/png", "content-length": "100" });
    response.write("half", () => response.destroy());
  });
  const { prepare } = makeMedia();
  expect(await prepare(media(`${genesys.url}/1`), rehost)).toMatchObject({ ok: false, retryable: true });
  expect(await readdir(join(directory, "media"))).toEqual([]);
});

test("the header of a template is a file too", async () => {
  needToken();
  const body = JSON.parse(
    await readFile(
      join(__dirname, "../fixtures/open-messaging/outbound/structured-notification-media-header.json"),
      "utf8",
    ),
  );
  const text = JSON.stringify(body).replaceAll(/https:[^"]+/g, `${genesys.url}/1`);
  const message = normalize(JSON.parse(text), messageFields());
  const prepared = await makeMedia().prepare(message, auto);
  expect(prepared).toMatchObject({
    message: { template: { header: { media: { url: expect.stringMatching(/^https:\/\/bridge/) } } } },
  });
});
