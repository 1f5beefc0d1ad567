import { createHash, createHmac } from "node:crypto";
import * as fc from "fast-check";
import { diagnoseSignature, type SignedRequest } from "../../src/webhook/diagnose";
import vectors from "../fixtures/signature-vectors.json";

const secret = "harborline-test-secret-0001";
const secrets = [{ name: "chat", secret }];
const text = '{"id":"a1","type":"Text","text":"Σας ευχαριστώ / café <b>"}';
const latin = '{"id":"a1","type":"Text","text":"Käse / café <b>"}';

const hmac = (body: string | Buffer, key: string | Buffer = secret, algorithm = "sha256") =>
  createHmac(algorithm, key).update(body).digest();
const header = (digest: Buffer) => `sha256=${digest.toString("base64")}`;

function diagnose(changes: Partial<Omit<SignedRequest, "body">> & { body?: string | Buffer }) {
  const { body = text, ...rest } = changes;
  return diagnoseSignature({ signatures: [header(hmac(text))], secrets, ...rest, body: Buffer.from(body) });
}

test.each(vectors.vectors)("$name: $note", ({ secret: own, bodyBase64, header: given, accept }) => {
  const request = {
    body: Buffer.from(bodyBase64, "base64"),
    signatures: [given],
    secrets: [{ name: "own", secret: own }],
  };
  expect(diagnoseSignature(request).verdict === "fits").toBe(accept);
});

test("a signature that fits names its secret", () => {
  const older = { name: "chat, older", secret: "harborline-test-secret-0000" };
  expect(diagnose({ secrets: [older, ...secrets] })).toEqual({ verdict: "fits", secret: "chat", flaws: [] });
});

const hex = hmac(text).toString("hex");
const base64 = hmac(text).toString("base64");
const sharp = Array.from({ length: 50 }, (_, n) => `{"n":${n}}`).find((body) => /[+/]/.test(header(hmac(body)))) ?? "";

describe("what is wrong with the header or the digest", () => {
  test.each<[string, string[], string]>([
    ["hex", [`sha256=${hex}`], "hex"],
    ["hex in capitals", [`sha256=${hex.toUpperCase()}`], "hex"],
    ["base64 of the hex text", [`sha256=${Buffer.from(hex).toString("base64")}`], "base64 of the hex text"],
    ["no prefix", [base64], "no prefix"],
    ["a prefix in capitals", [`SHA256=${base64}`], "the prefix SHA256="],
    ["the prefix of SHA-1", [`sha1=${base64}`], "the prefix sha1="],
    ["SHA-1 under the right prefix", [header(hmac(text, secret, "sha1"))], "an HMAC with SHA-1"],
    ["a hash without a secret", [header(createHash("sha256").update(text).digest())], "a plain SHA-256 of the body"],
    ["no padding", [`sha256=${base64.replace("=", "")}`], "base64 without its ="],
    ["a header cut short", [`sha256=${base64.slice(0, 30)}`], "cut short after 30 of 44"],
    ["something after it", [`sha256=${base64};v=1`], "something after the digest"],
    ["white space around it", [` sha256=${base64}\t`], "white space around the value"],
    ["quotation marks", [`"sha256=${base64}"`], "quotation marks"],
    ["two headers", [`sha256=${base64}`, `sha256=${base64}`], "2 signatures"],
    ["two values in one", [`sha256=AAAA, sha256=${base64}`], "2 signatures"],
  ])("%s is found", (_, signatures, found) => {
    const { verdict, secret: name, flaws } = diagnose({ signatures });
    expect({ verdict, name }).toEqual({ verdict: "explained", name: "chat" });
    expect(flaws).toHaveLength(1);
    expect(flaws[0]?.found).toContain(found);
    expect(flaws[0]?.mend).toMatch(/\w/);
  });

  test("base64url is found", () => {
    const signatures = [`sha256=${hmac(sharp).toString("base64url")}`];
    expect(diagnose({ body: sharp, signatures })).toMatchObject({
      verdict: "explained",
      flaws: [{ found: "base64url" }],
    });
  });

  test("two mistakes are both named: sha1 in hex without a prefix", () => {
    const signatures = [hmac(text, secret, "sha1").toString("hex")];
    const found = diagnose({ signatures }).flaws.map((flaw) => flaw.found);
    expect(found).toEqual(["no prefix", "an HMAC with SHA-1", "hex"]);
  });

  test("a missing header points at one of a similar name", () => {
    expect(diagnose({ signatures: [], headers: { "x-hub-signature": "sha1=…" } })).toMatchObject({
      verdict: "unexplained",
      flaws: [{ where: "header", found: "no X-Hub-Signature-256, but x-hub-signature" }],
    });
  });
});

describe("what was done to the body", () => {
  const json = JSON.parse(text) as object;
  const escaped = text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  test.each<[string, { signed: string | Buffer; arrived: string | Buffer }, string]>([
    ["a trailing line break", { signed: text, arrived: `${text}\n` }, "a line break at the end"],
    ["a line break that got lost", { signed: `${text}\n`, arrived: text }, "a line break at the end was signed"],
    ["CR LF for LF", { signed: '{\n"a":1\n}', arrived: '{\r\n"a":1\r\n}' }, "from LF to CR LF"],
    ["LF for CR LF", { signed: '{\r\n"a":1\r\n}', arrived: '{\n"a":1\n}' }, "from CR LF to LF"],
    ["a byte order mark", { signed: text, arrived: `\uFEFF${text}` }, "a byte order mark in front"],
    ["UTF-8 read as Latin-1", { signed: text, arrived: Buffer.from(text).toString("latin1") }, "read as Latin-1"],
    ["a body recoded to Latin-1", { signed: latin, arrived: Buffer.from(latin, "latin1") }, "a body in Latin-1"],
    ["JSON indented on its way", { signed: text, arrived: JSON.stringify(json, null, 2) }, "signed compact"],
    ["JSON made compact on its way", { signed: JSON.stringify(json, null, 2), arrived: text }, "signed indented"],
    ["escapes written out", { signed: escaped, arrived: text }, "signed with \\u escapes"],
    ["escaped slashes undone", { signed: text.replaceAll("/", "\\/"), arrived: text }, "with \\/ for /"],
    [
      "Python's spaces taken out",
      { signed: '{"a": 1, "b": [1, 2]}', arrived: '{"a":1,"b":[1,2]}' },
      "spaces after : and ,",
    ],
  ])("%s is found", (_, { signed, arrived }, found) => {
    const { verdict, flaws } = diagnose({ body: arrived, signatures: [header(hmac(signed))] });
    expect(verdict).toBe("explained");
    expect(flaws).toHaveLength(1);
    expect(flaws[0]).toMatchObject({ where: "body", found: expect.stringContaining(found) });
  });

  test("Windows-1252 is told from Latin-1", () => {
    const euro = '{"text":"5 €"}';
    expect(diagnose({ body: '{"text":"5 â‚¬"}', signatures: [header(hmac(euro))] }).flaws[0]?.found).toContain(
      "Windows-1252",
    );
  });

  test("a change that cannot be turned back is named by its traces", () => {
    const changed = diagnose({
      body: text.replace("Σ", "\uFFFD"),
      headers: { "content-length": "999", "content-encoding": "gzip" },
    });
    expect(changed.verdict).toBe("unexplained");
    expect(changed.flaws.map(({ found }) => found)).toEqual([
      expect.stringContaining("content-length says 999"),
      "content-encoding gzip",
      expect.stringContaining("U+FFFD"),
      expect.stringContaining("none of 1 secrets"),
    ]);
  });
});

describe("what was done to the secret", () => {
  test.each<[string, string | Buffer, string]>([
    ["a line break from a file", `${secret}\n`, "a line break after the secret"],
    ["quotation marks", `"${secret}"`, "quotation marks around the secret"],
    ["base64 of it", Buffer.from(secret).toString("base64"), "encoded as base64"],
  ])("%s is found", (_, key, found) => {
    const { verdict, flaws } = diagnose({ signatures: [header(hmac(text, key))] });
    expect(verdict).toBe("explained");
    expect(flaws).toEqual([{ where: "secret", found: expect.stringContaining(found), mend: expect.any(String) }]);
  });

  test("a secret in Latin-1 is found", () => {
    const accented = "clé-secrète-très-longue-0002";
    const signatures = [header(hmac(text, Buffer.from(accented, "latin1")))];
    const { flaws } = diagnose({ signatures, secrets: [{ name: "chat", secret: accented }] });
    expect(flaws[0]?.found).toContain("Latin-1");
  });

  test("the secret of another integration is named", () => {
    const otherSecrets = [{ name: "support", secret: "another-secret-of-support" }];
    const signatures = [header(hmac(text, "another-secret-of-support"))];
    expect(diagnose({ signatures, otherSecrets })).toMatchObject({
      verdict: "explained",
      secret: "support",
      flaws: [{ where: "secret", found: "made with the secret of support" }],
    });
  });

  test("an unknown secret stays unexplained", () => {
    expect(diagnose({ signatures: [header(hmac(text, "nobody knows"))] })).toMatchObject({
      verdict: "unexplained",
      secret: null,
      flaws: [{ where: "secret", found: expect.stringContaining("none of 1 secrets") }],
    });
  });
});

test("no finding repeats a secret or the body", () => {
  const signatures = [header(hmac(text, "another-secret-of-support"))];
  const told = JSON.stringify([diagnose({ signatures }), diagnose({ signatures: [`sha256=${hex}`] })]);
  expect(told).not.toContain(secret);
  expect(told).not.toContain("ευχαριστώ");
});

test("any bytes and any header get a verdict, and only the true signature fits", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary" }), (bytes, given) => {
      const body = Buffer.from(bytes);
      expect(diagnoseSignature({ body, signatures: [header(hmac(body))], secrets }).verdict).toBe("fits");
      const { verdict, flaws } = diagnoseSignature({ body, signatures: [given], secrets });
      expect(verdict).toBe("unexplained");
      expect(flaws.length).toBeGreaterThan(0);
    }),
    { numRuns: 40 },
  );
});

test("a body nested deeper than can be written again is told to be unsigned, without a crash", () => {
  const deep = `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const signatures = [header(hmac("another body"))];
  expect(diagnose({ body: deep, signatures }).verdict).not.toBe("fits");
});
