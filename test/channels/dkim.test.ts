import { generateKeyPairSync } from "node:crypto";
import { type DkimSettings, judgeAlignment, judgeRecords, writeRecord, writeZoneLine } from "../../src/channels/dkim";
import { createEmailChannel } from "../../src/channels/email";
import { probeSignature } from "../../src/channels/probe-mail";
import { deliveryOf, retry, textMessage } from "./deliveries";
import { verifyDkim } from "./dkim-verifier";
import { startDnsServer, type Zone } from "./dns-server";
import { startMailServer, startScriptedMailServer } from "./mail-server";

const from = "Harborline <chat@harborline.example>";
const name = "omb._domainkey.harborline.example";
const own = makeKey();
const other = makeKey();
const dkim: DkimSettings = { domain: "harborline.example", selector: "omb", privateKey: own };

const closing: (() => Promise<void> | undefined)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function makeKey(modulusLength = 2048): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength });
  return String(privateKey.export({ format: "pem", type: "pkcs8" }));
}

async function startDns(zone: Zone) {
  const dns = await startDnsServer(zone);
  closing.push(dns.stop);
  return dns;
}

function createChannel(smtp: string, timeoutMs = 5000) {
  const settings = { name: "email", smtp, from, dkim, timeoutMs, retry };
  const channel = createEmailChannel(settings, { now: () => new Date() });
  closing.push(async () => channel.close?.());
  return channel;
}

const notice = {
  to: "ines@example.org",
  subject: "2 Nachrichten verpaßt",
  text: "Marta wrote to you.\n\n  Read on:   https://chat.example \n\n\n",
  html: "<p>Marta wrote to you.</p>",
  replyTo: "reply+17@harborline.example",
  language: "de",
  unsubscribeUrl: "https://bridge.example/unsubscribe/abc?x=1&y=2",
};

async function sendSigned(): Promise<string> {
  const server = await startMailServer();
  closing.push(server.stop);
  const outcome = await createChannel(server.url).send(deliveryOf(textMessage(), { notice }));
  expect(outcome).toMatchObject({ status: "accepted" });
  return server.received[0]?.raw ?? "";
}

describe("a signed mail", () => {
  test("is verified with the record that is to be published, its headers of unsubscribing included", async () => {
    const { resolveTxt, asked } = await startDns({ [name]: [writeRecord(dkim)] });
    const verified = await verifyDkim(await sendSigned(), resolveTxt);
    expect(verified).toEqual({ domain: "harborline.example", selector: "omb", headers: expect.any(Array) });
    const needed = ["from", "to", "subject", "date", "message-id", "reply-to", "content-type", "mime-version"];
    const unsubscribing = ["list-unsubscribe", "list-unsubscribe-post"];
    expect(verified?.headers).toEqual(expect.arrayContaining([...needed, ...unsubscribing, "auto-submitted"]));
    expect(asked).toEqual([name]);
  });

  test.each([
    ["another link to unsubscribe", /unsubscribe\/abc/, "unsubscribe/xyz"],
    ["another way to unsubscribe", "One-Click", "No-Click"],
    ["another sender", "Harborline <chat@", "Harborlane <chat@"],
    ["another text", "Marta wrote", "Merta wrote"],
  ])("with %s is not", async (_, what, instead) => {
    const { resolveTxt } = await startDns({ [name]: [writeRecord(dkim)] });
    const raw = await sendSigned();
    const changed = raw.replace(what, instead);
    expect(changed).not.toBe(raw);
    expect(await verifyDkim(changed, resolveTxt)).toMatchObject({ problem: expect.any(String) });
  });

  test("is not verified with another key", async () => {
    const { resolveTxt } = await startDns({ [name]: [writeRecord({ ...dkim, privateKey: other })] });
    expect(await verifyDkim(await sendSigned(), resolveTxt)).toMatchObject({ problem: expect.any(String) });
  });

  test("that was not handed over yet is tried again, although it was read to its end", async () => {
    const server = await startScriptedMailServer({ DATA: "silence" });
    closing.push(server.stop);
    const outcome = await createChannel(server.url, 300).send(deliveryOf(textMessage(), { notice }));
    expect(outcome).toMatchObject({ status: "failed", retryable: true });
    expect(outcome).not.toHaveProperty("uncertain");
  });

  test("that was handed over and not answered is uncertain", async () => {
    const server = await startScriptedMailServer({ content: "hang up" });
    closing.push(server.stop);
    const outcome = await createChannel(server.url).send(deliveryOf(textMessage(), { notice }));
    expect(outcome).toMatchObject({ status: "failed", retryable: false, uncertain: true });
  });
});

describe("the record in the DNS", () => {
  const good = writeRecord(dkim);
  const publicKey = /p=(.*)/.exec(good)?.[1] ?? "";

  async function probe(zone: Zone) {
    const { resolveTxt } = await startDns(zone);
    const [record] = await probeSignature({ from, dkim }, resolveTxt);
    return record;
  }

  test("that fits is found, over the limit of one string", async () => {
    expect(good.length).toBeGreaterThan(255);
    expect(await probe({ [name]: [good] })).toEqual({ ok: true, found: "the public key is published and fits" });
  });

  test.each([
    ["without its version", `p=${publicKey}`],
    ["with white space", ` v = DKIM1 ; k = rsa ;\n p = ${publicKey.slice(0, 40)} ${publicKey.slice(40)} ; `],
    ["of all hashes and services", `v=DKIM1; h=sha1:sha256; s=*; p=${publicKey}`],
    ["of e-mail alone, with notes", `v=DKIM1; s=email; n=for the chat; p=${publicKey}`],
  ])("%s fits", async (_, record) => {
    expect(await probe({ [name]: [record] })).toMatchObject({ ok: true });
  });

  test.each<[string, string[], RegExp, RegExp]>([
    ["none", [], /missing/, /^publish omb\._domainkey\.harborline\.example\. IN TXT "v=DKIM1; k=rsa; p=/],
    ["of another key", [writeRecord({ ...dkim, privateKey: other })], /does not belong to dkim.privateKey/, /^publish/],
    ["revoked", ["v=DKIM1; k=rsa; p="], /revoked/, /another selector/],
    ["twice", [good, good], /2 TXT records/, /leave only this one/],
    ["of another kind", [`v=DKIM1; k=ed25519; p=${publicKey}`], /k=ed25519/, /^publish/],
    ["for another hash", [`v=DKIM1; h=sha1; p=${publicKey}`], /h=sha1/, /^publish/],
    ["for another service", [`v=DKIM1; s=tlsrpt; p=${publicKey}`], /s=tlsrpt/, /^publish/],
    ["cut off", [good.slice(0, 200)], /no public key/, /^publish/],
    ["of something else", ["google-site-verification=abc"], /no DKIM key/, /^publish/],
  ])("%s is told, with what mends it", async (_, records, found, mend) => {
    const judged = await probe(records.length === 0 ? {} : { [name]: records });
    expect(judged).toEqual({ ok: false, found: expect.stringMatching(found), mend: expect.stringMatching(mend) });
    expect(JSON.stringify(judged)).not.toContain("PRIVATE");
  });

  test("at a name with other records only is missing", async () => {
    expect(await probe({ [name]: [] })).toMatchObject({ ok: false, found: expect.stringMatching(/missing/) });
  });

  test("of which the DNS knows nothing for now is not called missing", async () => {
    const failing = await probe({ [name]: "SERVFAIL" });
    expect(failing).toMatchObject({ ok: false, found: expect.stringMatching(/does not say.*ESERVFAIL/) });
    const dns = await startDnsServer({});
    await dns.stop();
    const [away] = await probeSignature({ from, dkim }, dns.resolveTxt);
    const mend = expect.stringMatching(/DNS server/);
    expect(away).toEqual({ ok: false, found: expect.stringMatching(/does not say/), mend });
  });

  test("as printed, published as it is, fits", () => {
    const strings = [...writeZoneLine(dkim).matchAll(/"([^"]*)"/g)].map(([, text = ""]) => text);
    expect(Math.max(...strings.map((text) => text.length))).toBeLessThanOrEqual(255);
    expect(judgeRecords(dkim, [strings.join("")])).toMatchObject({ ok: true });
  });

  test("of a short key, or under test, fits with a word about it", () => {
    const short = { ...dkim, privateKey: makeKey(1024) };
    expect(judgeRecords(short, [`${writeRecord(short)}; t=y`])).toEqual({
      ok: true,
      found: "the public key is published and fits; 2048 bits would be safer; t=y asks verifiers to take it as a test",
    });
  });
});

describe("the sender's domain", () => {
  test.each([
    ["harborline.example", "harborline.example", true],
    ["harborline.example", "Chat.Harborline.example", true],
    ["mail.harborline.example", "harborline.example", true],
    ["mail.harborline.example", "chat.harborline.example", true],
    ["harborline.example", "other.example", false],
    ["harborline.example", "evilharborline.example", false],
    ["relay.example", "harborline.example", false],
  ])("signed by %s, from %s", (domain, sender, ok) => {
    expect(judgeAlignment({ ...dkim, domain }, sender)).toMatchObject({ ok });
  });

  test("is looked at beside the record", async () => {
    const { resolveTxt } = await startDns({ [name]: [writeRecord(dkim)] });
    const judged = await probeSignature({ from: "chat@ferry.test", dkim }, resolveTxt);
    expect(judged.map(({ ok }) => ok)).toEqual([true, false]);
  });
});

test("who signs nothing here is told where to", async () => {
  const judged = await probeSignature({ from }, () => Promise.reject(new Error("not asked")));
  expect(judged).toEqual([{ ok: true, found: expect.stringContaining("set dkim") }]);
});
