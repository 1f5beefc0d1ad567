/** Channels that Genesys Cloud carries. */
import { generateKeyPairSync } from "node:crypto";
import { chat, env, integration, loadBad, loadGood } from "./settings";

const mail = { type: "email", provider: "genesys", from: "Chat <chat@mail.example>" };
const sms = { type: "sms", provider: "genesys", from: "+13175550142" };
const steps = [{ channel: "mail" }, { channel: "sms" }];

function settings(channels: object = {}, changes: object = {}) {
  return {
    integrations: [{ ...integration, fallback: "missed" }],
    channels: { chat, mail, sms, ...channels },
    fallback: { missed: { steps } },
    ...changes,
  };
}

function writeKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  return String(privateKey.export({ format: "pem", type: "pkcs8" }));
}

const two = {
  organisations: { north: { region: "eu-central-1" }, south: { region: "us-east-1" } },
  integrations: [{ ...integration, organisation: "north", fallback: "missed" }],
};

test("neither a mail server nor Twilio is asked for, and the organisation is the only one", () => {
  const { config, warnings } = loadGood(settings({ mail: { ...mail, replyTo: "help@mail.example" } }));
  expect(config.channels.slice(1)).toMatchObject([
    { ...mail, name: "mail", organisation: "main", replyTo: "help@mail.example", timeoutMs: 30_000 },
    { ...sms, name: "sms", organisation: "main", timeoutMs: 10_000 },
  ]);
  expect(warnings).toEqual([]);
});

test("the best news is accepted, wherever the bridge is reached", () => {
  const { config } = loadGood(settings());
  expect(config.fallback[0]?.steps.map(({ until, address }) => [until, address])).toEqual([
    ["accepted", "email"],
    ["accepted", "phone"],
  ]);
});

test("of several organisations one is named", () => {
  const named = { mail: { ...mail, organisation: "south" }, sms: { ...sms, organisation: "north" } };
  expect(loadGood(settings(named, two)).config.channels.slice(1)).toMatchObject([
    { organisation: "south" },
    { organisation: "north" },
  ]);
});

test("the sender of mails may stand in MAIL_FROM, and the server in SMTP_URL is not used", () => {
  const variables = { ...env, MAIL_FROM: "a@mail.example", SMTP_URL: "smtp://mail.example" };
  const [, channel] = loadGood(settings({ mail: { ...mail, from: undefined } }), variables).config.channels;
  expect(channel).toMatchObject({ provider: "genesys", from: "a@mail.example" });
  expect(channel).not.toHaveProperty("smtp");
});

test("a mail server and Twilio stay the carriers where none is named", () => {
  const { config } = loadGood({
    ...settings({ mail: { type: "email", smtp: "smtp://mail.example", from: "a@mail.example" } }),
    fallback: { missed: { steps: [{ channel: "mail" }] } },
  });
  expect(config.channels[1]).toMatchObject({ provider: "smtp", smtp: "smtp://mail.example" });
});

test("all that is missing is told together", () => {
  const channels = { mail: { ...mail, from: undefined }, sms: { ...sms, from: undefined, organisation: "norht" } };
  const problems = loadBad(settings(channels, two));
  expect(problems.map(({ path, allowed }) => `${path}: ${allowed}`)).toEqual([
    "channels.mail.organisation: one of north, south",
    "channels.sms.organisation: did you mean north? one of north, south",
    "channels.mail.from: an address here or in MAIL_FROM, for fallback.missed.steps[0]",
    "channels.sms.from: a number of the organisation, such as +43123456789, for fallback.missed.steps[1]",
  ]);
});

test("without any organisation nothing can be sent, and what nothing uses need not be set up", () => {
  const { GENESYS_CLIENT_ID: _id, GENESYS_CLIENT_SECRET: _secret, ...without } = env;
  expect(loadBad(settings(), without).map(({ path }) => path)).toEqual([
    "channels.mail.organisation",
    "channels.sms.organisation",
  ]);
  const unused = settings({ sms: { type: "sms", provider: "genesys" } }, { integrations: [integration], fallback: {} });
  expect(loadGood(unused, without).config.channels.map(({ name }) => name)).toEqual(["chat"]);
});

describe.each<[string, object, string, string, string]>([
  // what is wrong, channels, path, found, allowed
  ["another carrier", { mail: { ...mail, provider: "genesis" } }, "channels.mail.provider", '"genesis"', "genesys"],
  ["a carrier of mails for SMS", { sms: { ...sms, provider: "smtp" } }, "channels.sms.provider", '"smtp"', "twilio"],
  ["a number that is none", { sms: { ...sms, from: "0664" } }, "channels.sms.from", '"0664"', "E.164"],
  [
    "a mail server beside Genesys Cloud",
    { mail: { ...mail, smtp: "smtp://me:secret@mail.example" } },
    "channels.mail.smtp",
    "a text of 29 characters",
    "nothing, as the provider is genesys",
  ],
  [
    "a place for bounces",
    { mail: { ...mail, returnPath: "back@mail.example" } },
    "channels.mail.returnPath",
    '"back@mail.example"',
    "nothing, as the provider is genesys",
  ],
  [
    "a mailbox for bounces",
    { mail: { ...mail, bounces: { imap: "imaps://me:secret@mail.example" } } },
    "channels.mail.bounces",
    "an object",
    "nothing, as the provider is genesys",
  ],
  [
    "a signature",
    { mail: { ...mail, dkim: { domain: "mail.example", selector: "omb", privateKey: writeKey() } } },
    "channels.mail.dkim",
    "an object",
    "nothing, as the provider is genesys",
  ],
  [
    "an organisation beside a mail server",
    { mail: { ...mail, provider: "smtp", smtp: "smtp://mail.example", organisation: "main" } },
    "channels.mail.organisation",
    '"main"',
    "nothing, unless the provider is genesys",
  ],
  [
    "a sender's name that is too long",
    { mail: { ...mail, from: `${"x".repeat(65)} <a@b.example>` } },
    "channels.mail.from",
    `"${"x".repeat(59)}…"`,
    "at most 64 characters",
  ],
  [
    "a sender with too much before the @",
    { mail: { ...mail, from: `${"x".repeat(65)}@b.example` } },
    "channels.mail.from",
    `"${"x".repeat(59)}…"`,
    "at most 64 characters",
  ],
])("%s", (_what, channels, path, found, allowed) => {
  test("is a problem", () => {
    const problems = loadBad(settings(channels));
    expect(problems).toContainEqual({ path, found, allowed: expect.stringContaining(allowed) });
  });
});

test("marketing needs a header that agentless e-mail has no place for", () => {
  const missed = { purpose: "marketing", steps: [{ channel: "sms", backup: "mail" }, { channel: "mail" }] };
  const found = '"mail", which is agentless e-mail';
  const allowed = "another channel, as the purpose is marketing";
  expect(loadBad(settings({}, { fallback: { missed } }))).toEqual([
    { path: "fallback.missed.steps[0].backup", found, allowed },
    { path: "fallback.missed.steps[1].channel", found, allowed },
  ]);
  expect(loadGood(settings({}, { fallback: { missed: { ...missed, purpose: "transactional" } } }))).toBeTruthy();
});

test("a step cannot wait for news that Genesys Cloud does not bring", () => {
  const missed = { steps: [{ channel: "sms", until: "delivered" }] };
  expect(loadBad(settings({}, { fallback: { missed } }))).toEqual([
    {
      path: "fallback.missed.steps[0].until",
      found: '"delivered", which the channel sms cannot confirm',
      allowed: "accepted",
    },
  ]);
});

test("whatever belongs to a mail server is told of together, and nothing else", () => {
  const bounces = { imap: "imaps://me:secret@mail.example" };
  const dkim = { domain: "mail.example", selector: "omb", privateKey: writeKey() };
  const problems = loadBad(settings({ mail: { ...mail, smtp: "smtp://mail.example", bounces, dkim } }));
  expect(problems.map(({ path }) => path)).toEqual([
    "channels.mail.smtp",
    "channels.mail.bounces",
    "channels.mail.dkim",
  ]);
});
