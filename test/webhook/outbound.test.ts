import { gzipSync } from "node:zlib";
import { integrationId, type Scene, signatureSecret, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { postRaw } from "../helpers/raw-request";
import { outboundBody, sign } from "../helpers/webhook";
import { vectors } from "./signature-vectors";

const path = "/genesys/harborline-chat/outbound";

/** Posts bytes with a signature that fits them, unless other headers are given. */
function post(scene: Scene, body: string | Buffer, headers?: readonly string[], route = path) {
  const bytes = Buffer.from(body);
  return postRaw(scene.url(route), headers ?? ["X-Hub-Signature-256", sign(bytes, signatureSecret)], bytes);
}

const quarantined = (scene: Scene) =>
  scene.read((db) => db.selectFrom("quarantine").select(["problem", "body", "headers"]).orderBy("seq").execute());
const stored = async (scene: Scene) =>
  (await scene.get<{ items: { id: string; genesysMessageId: string }[] }>("/api/v1/messages?limit=1000")).items;
const codeOf = (text: string) => JSON.parse(text).error.code;

describe.each(engines)("on %s", (engine) => {
  test("every vector is taken or refused as it says", async () => {
    const integrations = vectors.map(({ name, secret }, n) => ({
      name: `vector-${n}`,
      id: `id-of-${name}`,
      signatureSecrets: [secret],
      channel: "chat",
    }));
    const scene = await startScene(engine, { integrations });
    const answers = await Promise.all(
      vectors.map(({ bodyBase64, header }, n) =>
        post(
          scene,
          Buffer.from(bodyBase64, "base64"),
          ["x-hub-signature-256", header],
          `/genesys/vector-${n}/outbound`,
        ),
      ),
    );
    expect(answers.map(({ status }, n) => [vectors[n]?.name, status])).toEqual(
      // An empty body is signed well and is no JSON object.
      vectors.map(({ name, accept, bodyBase64 }) => [name, accept ? (bodyBase64 === "" ? 400 : 200) : 401]),
    );
  });

  test("what was stored is what came over the wire, byte for byte, with its headers but no credentials", async () => {
    const scene = await startScene(engine);
    const bytes = Buffer.from(`  ${JSON.stringify(outboundBody("text-unicode", "mira"), null, 2)}\r\n`);
    const signature = sign(bytes, signatureSecret);
    const answer = await post(scene, bytes, [
      "X-Hub-Signature-256",
      signature,
      "X-Tenant",
      "blue",
      "Authorization",
      "Bearer nothing to keep",
      "Cookie",
      "a=b",
    ]);

    expect(answer.status).toBe(200);
    const { id } = JSON.parse(answer.text);
    const raw = await scene.call("GET", `/api/v1/messages/${id}/raw`, { authorization: "Bearer test-admin-token" });
    expect(raw.text).toBe(bytes.toString());
    const [capture] = await scene.read((db) => db.selectFrom("captures").select("headers").execute());
    const headers = JSON.parse(capture?.headers ?? "{}");
    expect(headers).toMatchObject({ "x-tenant": "blue", "x-hub-signature-256": signature });
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["authorization"]));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["cookie"]));
  });

  test("a repeat is answered 200 and delivered once", async () => {
    const scene = await startScene(engine);
    const text = JSON.stringify(outboundBody("text-agent", "mira"));
    const first = await post(scene, text);
    const repeats = await Promise.all([1, 2, 3, 4, 5].map(() => post(scene, text)));

    expect(first).toMatchObject({ status: 200 });
    expect(repeats.map(({ status, text: said }) => [status, JSON.parse(said).status])).toEqual(
      repeats.map(() => [200, "duplicate"]),
    );
    await scene.settle();
    expect(scene.adapter.deliveries()).toHaveLength(1);
    expect(await scene.find(JSON.parse(first.text).id)).toMatchObject({ duplicates: 5 });
  });

  test("each of several secrets is valid, which lets one be changed without a gap", async () => {
    const secrets = ["the-old-secret-token-1", "the-new-secret-token-2"];
    const scene = await startScene(engine, { integration: { signatureSecrets: secrets } });
    const statuses = [];
    for (const secret of [...secrets, signatureSecret]) {
      const text = JSON.stringify(outboundBody("text-agent", "mira"));
      statuses.push((await post(scene, text, ["x-hub-signature-256", sign(text, secret)])).status);
    }
    expect(statuses).toEqual([200, 200, 401]);
  });

  test("a wrong, missing or odd signature is 401, and what was refused can be verified again later", async () => {
    const scene = await startScene(engine);
    const text = JSON.stringify(outboundBody("text-agent", "mira"));
    const good = sign(text, signatureSecret);
    const hex = `sha256=${Buffer.from(good.slice(7), "base64").toString("hex")}`;
    const headers: Record<string, string[]> = {
      missing: [],
      empty: ["x-hub-signature-256", ""],
      short: ["x-hub-signature-256", "sha256=abc"],
      hex: ["x-hub-signature-256", hex],
      "non-ASCII": ["x-hub-signature-256", `sha256=${"é".repeat(44)}`],
      repeated: ["x-hub-signature-256", good, "x-hub-signature-256", good],
      "good after bad": ["x-hub-signature-256", "sha256=bad", "x-hub-signature-256", good],
      padded: ["x-hub-signature-256", `${good}=`],
      unprefixed: ["x-hub-signature-256", good.slice(7)],
      "upper case": ["x-hub-signature-256", good.replace("sha256", "SHA256")],
      "another secret": ["x-hub-signature-256", sign(text, "another-secret-token-3")],
      "very long": ["x-hub-signature-256", "s".repeat(8000)],
      "the old header": ["x-hub-signature", good],
    };
    const answers: [string, number, string][] = [];
    for (const [name, given] of Object.entries(headers)) {
      const { status, text: said } = await post(scene, text, given);
      answers.push([name, status, codeOf(said)]);
    }
    expect(answers).toEqual(Object.keys(headers).map((name) => [name, 401, "unauthorized"]));
    expect(await stored(scene)).toEqual([]);
    const kept = await quarantined(scene);
    expect(kept).toHaveLength(answers.length);
    expect(Buffer.from(kept[0]?.body as Uint8Array).toString()).toBe(text);
    expect(kept.map(({ problem }) => problem)).toContain("no X-Hub-Signature-256 header");
  });

  test.each([
    ["nothing", "", "empty"],
    ["no JSON", "hello", "not JSON"],
    ["cut off", '{"id":"a"', "not JSON"],
    ["an array", '[{"id":"a"}]', "an array"],
    ["null", "null", "null"],
    ["a number", "7", "a number"],
    ["a text", '"text"', "a string"],
    ["compressed", gzipSync('{"id":"a"}'), "not JSON"],
    ["bytes of UTF-16", Buffer.from('{"id":"a"}', "utf16le"), "not JSON"],
  ])("a well signed body that is %s is 400, and kept", async (_, body, said) => {
    const scene = await startScene(engine);
    const answer = await post(scene, body);
    expect(answer.status).toBe(400);
    expect(codeOf(answer.text)).toBe("invalid_json");
    expect(JSON.parse(answer.text).error.message).toContain(said);
    const [kept] = await quarantined(scene);
    expect(Buffer.from(kept?.body as Uint8Array)).toEqual(Buffer.from(body));
  });

  test.each([
    ["no content type", []],
    ["a wrong content type", ["content-type", "text/plain"]],
    ["a content type that is none", ["content-type", ";;;"]],
    ["a claim of compression", ["content-type", "application/json", "content-encoding", "gzip"]],
    ["another character set", ["content-type", "application/json; charset=utf-16"]],
  ])("the bytes alone decide: %s", async (_, headers) => {
    const scene = await startScene(engine);
    const text = JSON.stringify(outboundBody("text-agent", "mira"));
    const answer = await post(scene, text, ["x-hub-signature-256", sign(text, signatureSecret), ...headers]);
    expect(answer.status).toBe(200);
  });

  test.each<[string, () => string | Buffer, object]>([
    ["invalid UTF-8", () => withInvalidUtf8(), { kind: "text", fate: "delivered" }],
    ["keys of the prototype", () => protoKeys(), { kind: "text", fate: "delivered" }],
    ["50,000 levels of depth", () => deep(), { kind: "text", fate: "delivered" }],
    ["no fields at all", () => "{}", { fate: "failed", reason: { code: "InvalidMessageStructure" } }],
    ["fields of wrong types", () => '{"id":{},"channel":7,"type":[],"text":{}}', { fate: "failed" }],
    ["an over-long id", () => JSON.stringify({ ...outboundBody("text-agent", "mira"), id: "i".repeat(100_000) }), {}],
  ])("a body with %s is understood as far as it goes, kept whole, and shown", async (_, make, expected) => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => (response) => response.writeHead(200).end('{"status":"delivered"}'));
    const body = make();
    const answer = await post(scene, body);
    expect(answer.status).toBe(200);
    const { id } = JSON.parse(answer.text);
    await scene.settle();
    expect(await scene.find(id)).toMatchObject(expected);
    const [capture] = await scene.read((db) => db.selectFrom("captures").select("body").execute());
    expect(Buffer.from(capture?.body as Uint8Array)).toEqual(Buffer.from(body));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("a body over the limit is 413 before its signature is looked at, with or without a length", async () => {
    const scene = await startScene(engine);
    const big = Buffer.alloc(10_000_000, "x");
    const wrong = ["x-hub-signature-256", "sha256=wrong"];
    const announced = await postRaw(scene.url(path), wrong, big);
    const chunked = await postRaw(
      scene.url(path),
      wrong,
      Array.from({ length: 10 }, (_, n) => big.subarray(n * 1_000_000, (n + 1) * 1_000_000)),
    );
    expect([announced, chunked].map(({ status, text }) => [status, codeOf(text)])).toEqual([
      [413, "too_large"],
      [413, "too_large"],
    ]);
    expect(await quarantined(scene)).toEqual([]);
  });

  test("the limit is the one that is set, to the byte", async () => {
    const scene = await startScene(engine, { maxBodyBytes: 2000 });
    const sized = (size: number) => {
      const empty = JSON.stringify(outboundBody("text-agent", "mira", { text: "" }));
      return empty.replace('"text":""', `"text":"${"x".repeat(size - Buffer.byteLength(empty))}"`);
    };
    const chunked = (size: number) => {
      const bytes = Buffer.from(sized(size));
      return postRaw(scene.url(path), ["x-hub-signature-256", sign(bytes, signatureSecret)], [bytes]);
    };
    expect((await post(scene, sized(2000))).status).toBe(200);
    expect((await post(scene, sized(2001))).status).toBe(413);
    expect((await chunked(2000)).status).toBe(200);
    expect((await chunked(2001)).status).toBe(413);
  });

  test("an integration is known by name and by id, in a URL however written; any other is 404", async () => {
    const scene = await startScene(engine);
    const statusAt = async (route: string) => {
      const text = JSON.stringify(outboundBody("text-agent", "mira"));
      return (await post(scene, text, undefined, route)).status;
    };
    expect(await statusAt("/genesys/harborline-chat/outbound")).toBe(200);
    expect(await statusAt(`/genesys/${integrationId}/outbound`)).toBe(200);
    expect(await statusAt("/genesys/harborline-chat/outbound/")).toBe(200);
    expect(await statusAt("/genesys/harborline-chat/outbound?a=b")).toBe(200);
    expect(await statusAt("/genesys/harborline%2Dchat/outbound")).toBe(200);
    expect(await statusAt("/genesys/other/outbound")).toBe(404);
    expect(await statusAt("/genesys/%E0%A4%A/outbound")).toBe(404);
    expect(await statusAt("/genesys/__proto__/outbound")).toBe(404);
    expect(await statusAt("/genesys/harborline-chat/outbound/more")).toBe(404);
    expect((await scene.call("GET", path)).status).toBe(404);
  });

  test("of several things that are wrong, the first of the contract is told", async () => {
    const scene = await startScene(engine);
    const big = Buffer.alloc(2_000_000);
    const wrong = ["x-hub-signature-256", "sha256=wrong"];
    const statuses = [
      await postRaw(scene.url("/genesys/other/outbound"), wrong, big),
      await postRaw(scene.url(path), wrong, big),
      await postRaw(scene.url(path), wrong, Buffer.from("no JSON")),
      await post(scene, "no JSON"),
    ].map(({ status }) => status);
    expect(statuses).toEqual([404, 413, 401, 400]);
  });

  test("a request that breaks off in the middle leaves nothing behind", async () => {
    const scene = await startScene(engine);
    const text = JSON.stringify(outboundBody("text-agent", "mira"));
    const headers = ["x-hub-signature-256", sign(text, signatureSecret), "content-length", "99999"];
    const controller = new AbortController();
    const half = fetch(scene.url(path), {
      method: "POST",
      headers: { "x-hub-signature-256": headers[1] ?? "" },
      body: new ReadableStream({
        start(stream) {
          stream.enqueue(Buffer.from(text.slice(0, 100)));
        },
      }),
      duplex: "half",
      signal: controller.signal,
    } as RequestInit);
    await scene.say("noor");
    controller.abort();
    await expect(half).rejects.toMatchObject({ name: "AbortError" });
    await scene.settle();
    expect(await stored(scene)).toHaveLength(1);
  });
});

function withInvalidUtf8(): Buffer {
  const [before = "", after = ""] = JSON.stringify(outboundBody("text-agent", "mira", { text: "a#b" })).split("#");
  return Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from(after)]);
}

function protoKeys(): string {
  const text = JSON.stringify(outboundBody("text-agent", "mira"));
  const evil = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}';
  return `{${evil},${text.slice(1).replace('"channel":{', `"channel":{${evil},`)}`;
}

function deep(): string {
  const levels = 50_000;
  const text = JSON.stringify(outboundBody("text-agent", "mira"));
  return `{"metadata":${'{"a":'.repeat(levels)}1${"}".repeat(levels)},${text.slice(1)}`;
}
