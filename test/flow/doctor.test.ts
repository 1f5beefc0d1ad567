import { generateKeyPairSync } from "node:crypto";
import { examine } from "../../src/app/doctor";
import { writeRecord } from "../../src/channels/dkim";
import { startDnsServer } from "../channels/dns-server";
import { startMailServer } from "../channels/mail-server";
import { email, env, loadGood, minimal } from "../config/settings";
import { atEnd } from "../helpers/clean-up";
import { makePlace } from "../helpers/stores";

const privateKey = String(
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" }),
);
const dkim = { domain: "bridge.example", selector: "omb", privateKey };
const name = "omb._domainkey.bridge.example";

/** What is found of the channel `email`, by part. */
async function examineMail(changes: object, records?: string[]) {
  const mail = await startMailServer();
  atEnd(mail.stop);
  const dns = await startDnsServer(records === undefined ? {} : { [name]: records });
  atEnd(dns.stop);
  const place = await makePlace("sqlite");
  atEnd(place.remove);
  const channels = { email: { ...email, smtp: mail.url, ...changes } };
  const variables = { PUBLIC_URL: env.PUBLIC_URL, DATA_DIR: place.directory };
  const { config } = loadGood({ ...minimal, integrations: [], channels }, variables);
  const told: string[] = [];
  const examined = await examine(config, {
    resolveTxt: dns.resolveTxt,
    onExamined: ({ part }) => void told.push(part),
  });
  expect(told.toSorted()).toEqual(examined.map(({ part }) => part).toSorted());
  expect(JSON.stringify(examined)).not.toMatch(/PRIVATE|hunter2/);
  expect(mail.received).toEqual([]);
  return examined.filter(({ part }) => part.startsWith("channels.email")).map((one) => ({ ...one }));
}

test("a mail server that is left to sign is nothing wrong, and the setting is named", async () => {
  expect(await examineMail({})).toEqual([
    { part: "channels.email", ok: true, found: "connected and logged in" },
    { part: "channels.email.dkim", ok: true, found: expect.stringContaining("set dkim") },
  ]);
});

test("a signature that others can verify is well", async () => {
  const examined = await examineMail({ dkim }, [writeRecord(dkim)]);
  expect(examined.map(({ part, ok }) => [part, ok])).toEqual([
    ["channels.email", true],
    ["channels.email.dkim", true],
    ["channels.email.dkim", true],
  ]);
});

test("one that they cannot is wrong, and the record to publish is printed", async () => {
  const examined = await examineMail({ dkim, from: "chat@elsewhere.test" });
  const [record, alignment] = examined.filter(({ part }) => part === "channels.email.dkim");
  expect(record).toMatchObject({ ok: false, mend: expect.stringContaining(`${name}. IN TXT "v=DKIM1; k=rsa; p=`) });
  expect(alignment).toMatchObject({ ok: false, mend: expect.stringContaining("dkim.domain") });
});

test("a mailbox that is away is wrong", async () => {
  const bounces = { imap: "imaps://bounces:hunter2-hunter2@127.0.0.1:9" };
  const examined = await examineMail({ bounces, returnPath: "bounces@bridge.example" });
  expect(examined.find(({ part }) => part === "channels.email.bounces")).toEqual({
    part: "channels.email.bounces",
    ok: false,
    found: "no connection that holds (ECONNREFUSED)",
    mend: expect.stringContaining("host and port"),
  });
});
