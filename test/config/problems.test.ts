import { generateKeyPairSync } from "node:crypto";
import * as fc from "fast-check";
import { chat, chatSecret, email, env, integration, load, loadBad, minimal, signatureSecret } from "./settings";

const policy = { steps: [{ channel: "email" }] };
const complete = {
  organisations: { main: { region: "eu-central-1", clients: [{ id: "a", secret: "b" }] } },
  integrations: [{ ...integration, organisation: "main", fallback: "missed" }],
  channels: { chat, email },
  fallback: { missed: policy },
};

function withChat(changes: object) {
  return { ...complete, channels: { email, chat: { ...chat, ...changes } } };
}
function withEmail(changes: object) {
  return { ...complete, channels: { chat, email: { ...email, ...changes } } };
}
function withDkim(changes: object) {
  return withEmail({ dkim: { domain: "bridge.example", selector: "omb", privateKey: writePem(1024), ...changes } });
}
function writePem(modulusLength: number): string {
  return String(generateKeyPairSync("rsa", { modulusLength }).privateKey.export({ format: "pem", type: "pkcs8" }));
}
function withIntegration(changes: object) {
  return { ...complete, integrations: [{ ...complete.integrations[0], ...changes }] };
}
function withPolicy(changes: object) {
  return { ...complete, fallback: { missed: { ...policy, ...changes } } };
}

test("the settings all these tests start from are good", () => {
  expect(load(complete)).toMatchObject({ ok: true, warnings: [] });
});

test("all problems are reported together", () => {
  const settings = {
    ...withChat({ url: "ftp://chat.example", timeoutSeconds: 0 }),
    integrations: [{ ...integration, channel: "chatt", signatureSecrets: [] }],
    retention: { textDays: 0 },
    maxBodyBites: 5,
  };
  const problems = loadBad(settings, { PORT: "70000", DATABASE_URL: "mysql://db", LOG_LEVEL: "inof" });
  expect(problems.map(({ path }) => path)).toEqual([
    "PORT",
    "DATABASE_URL",
    "LOG_LEVEL",
    "integrations[0].signatureSecrets",
    "channels.chat.url",
    "channels.chat.timeoutSeconds",
    "retention.textDays",
    "maxBodyBites",
    "integrations[0].channel",
    "ADMIN_TOKEN",
  ]);
});

describe.each<[string, object, string, string, string | RegExp]>([
  // what is wrong, settings, path, found, allowed
  ["no name", withIntegration({ name: undefined }), "integrations[0].name", "nothing", "a name of a-z, 0-9 and -"],
  ["a name in capitals", withIntegration({ name: "Chat" }), "integrations[0].name", '"Chat"', /a-z/],
  ["no id", withIntegration({ id: undefined }), "integrations[0].id", "nothing", /id in Genesys/],
  [
    "no secrets",
    withIntegration({ signatureSecrets: [] }),
    "integrations[0].signatureSecrets",
    "an empty list",
    /at least one/,
  ],
  [
    "an empty secret",
    withIntegration({ signatureSecrets: [""] }),
    "integrations[0].signatureSecrets[0]",
    "an empty text",
    /secret token/,
  ],
  [
    "no channel",
    withIntegration({ channel: undefined }),
    "integrations[0].channel",
    "nothing",
    "the name of a channel",
  ],
  [
    "an unknown channel",
    withIntegration({ channel: "chta" }),
    "integrations[0].channel",
    '"chta"',
    "did you mean chat? one of chat, email",
  ],
  [
    "an unknown policy",
    withIntegration({ fallback: "mised" }),
    "integrations[0].fallback",
    '"mised"',
    "did you mean missed? one of missed",
  ],
  [
    "an unknown organisation",
    withIntegration({ organisation: "prod" }),
    "integrations[0].organisation",
    '"prod"',
    "one of main",
  ],
  [
    "unknown receipts",
    withIntegration({ receipts: "failure" }),
    "integrations[0].receipts",
    '"failure"',
    "did you mean failures? one of all, failures, none",
  ],
  [
    "text for a truth",
    withIntegration({ acceptedCountsAsDelivered: "yes" }),
    "integrations[0].acceptedCountsAsDelivered",
    '"yes"',
    "true or false",
  ],
  [
    "too long a wait",
    withIntegration({ undeliveredAfterSeconds: 259_201 }),
    "integrations[0].undeliveredAfterSeconds",
    "259201",
    "a whole number from 1 to 259200 seconds",
  ],
  [
    "an unknown key",
    withIntegration({ fallbck: "x" }),
    "integrations[0].fallbck",
    "an unknown key",
    /^did you mean fallback\? keys here: name, id, /,
  ],
  [
    "integrations that are no list",
    { ...complete, integrations: {} },
    "integrations",
    "an object",
    "a list of integrations",
  ],

  ["no type", withChat({ type: undefined }), "channels.chat.type", "nothing", /^one of http, forward, email/],
  ["an unknown type", withChat({ type: "htp" }), "channels.chat.type", '"htp"', /^did you mean http\? one of/],
  [
    "a channel that is no object",
    { ...complete, channels: { chat: "http", email } },
    "channels.chat",
    '"http"',
    /^an object with a type/,
  ],
  ["no url", withChat({ url: undefined }), "channels.chat.url", "nothing", /http/],
  [
    "a url with a password",
    withChat({ url: "https://me:pw@chat.example" }),
    "channels.chat.url",
    "a text of 26 characters",
    /without user or password/,
  ],
  [
    "a script for a url",
    withChat({ url: "javascript:alert(1)" }),
    "channels.chat.url",
    '"javascript:alert(1)"',
    /http/,
  ],
  ["no secret", withChat({ secret: undefined }), "channels.chat.secret", "nothing", /whsec_/],
  [
    "a secret without prefix",
    withChat({ secret: chatSecret.slice(6) }),
    "channels.chat.secret",
    "a text of 32 characters",
    /whsec_/,
  ],
  [
    "a secret of no bytes",
    withChat({ secret: "whsec_" }),
    "channels.chat.secret",
    "a text of 6 characters",
    /24 to 64/,
  ],
  [
    "a secret that is no base64",
    withChat({ secret: `whsec_${"é".repeat(40)}` }),
    "channels.chat.secret",
    "a text of 46 characters",
    /base64/,
  ],
  [
    "an unknown confirmation",
    withChat({ confirms: "deliverd" }),
    "channels.chat.confirms",
    '"deliverd"',
    /did you mean delivered/,
  ],
  [
    "delays upside down",
    withChat({ retry: { firstDelayMs: 900, maxDelayMs: 100 } }),
    "channels.chat.retry.maxDelayMs",
    "100",
    "at least firstDelayMs",
  ],
  [
    "an unknown kind",
    withChat({ accepts: { kinds: ["txt"] } }),
    "channels.chat.accepts.kinds[0]",
    '"txt"',
    /did you mean text/,
  ],
  [
    "a name with a slash",
    { ...complete, channels: { chat, email, "a/b": chat } },
    'channels["a/b"]',
    'the name "a/b"',
    /letters, digits/,
  ],
  [
    "e-mail without sender",
    { ...complete, channels: { chat, email: { type: "email", smtp: "smtp://mail.example" } } },
    "channels.email.from",
    "nothing",
    "an address here or in MAIL_FROM, for fallback.missed.steps[0]",
  ],
  [
    "e-mail without server",
    { ...complete, channels: { chat, email: { type: "email", from: "a@b.example" } } },
    "channels.email.smtp",
    "nothing",
    /SMTP_URL/,
  ],
  [
    "a sender with a second line",
    { ...complete, channels: { chat, email: { ...email, from: "a@b.example\r\nBcc: c@d.example" } } },
    "channels.email.from",
    '"a@b.example\\r\\nBcc: c@d.example"',
    /on one line/,
  ],
  [
    "a web address as mail server",
    { ...complete, channels: { chat, email: { ...email, smtp: "http://mail.example" } } },
    "channels.email.smtp",
    "a text of 19 characters",
    /smtp:/,
  ],
  [
    "a mailbox for what can come back nowhere",
    withEmail({ bounces: { imap: "imaps://me:pw@mail.example" } }),
    "channels.email.returnPath",
    "nothing",
    /into the mailbox of bounces/,
  ],
  ...[
    "https://me:pw@mail.example",
    "imaps://mail.example",
    "imaps://me@mail.example",
    "imaps://me:%zz@mail.example",
  ].map((imap): [string, object, string, string, RegExp] => [
    `a mailbox at ${imap}`,
    withEmail({ returnPath: "back@bridge.example", bounces: { imap } }),
    "channels.email.bounces.imap",
    `a text of ${imap.length} characters`,
    /imaps:.*with user and password/,
  ]),
  [
    "a mailbox read too often",
    withEmail({
      returnPath: "back@bridge.example",
      bounces: { imap: "imaps://me:pw@mail.example/Returned", everySeconds: 1 },
    }),
    "channels.email.bounces.everySeconds",
    "1",
    "a whole number from 5 to 3600 seconds",
  ],
  ["a signature of no domain", withDkim({ domain: "bridge" }), "channels.email.dkim.domain", '"bridge"', /domain name/],
  [
    "a selector that is none",
    withDkim({ selector: "omb_1." }),
    "channels.email.dkim.selector",
    '"omb_1."',
    /^a selector/,
  ],
  [
    "a signature without key",
    withDkim({ privateKey: undefined }),
    "channels.email.dkim.privateKey",
    "nothing",
    /RSA private key/,
  ],
  [
    "a text for a key",
    withDkim({ privateKey: "hunter2-hunter2" }),
    "channels.email.dkim.privateKey",
    "a text of 15 characters",
    /RSA private key.*no private key was found/,
  ],
  [
    "forward without a secret to sign with",
    { ...complete, channels: { ...complete.channels, old: { type: "forward", url: "http://old.example" } } },
    "channels.old.secret",
    "nothing",
    /its receiver knows/,
  ],

  [
    "a template with an unknown variable",
    withPolicy({ templates: { de: { subject: "Hallo {{ nobody }}" } } }),
    "fallback.missed.templates.de.subject",
    "a template that fails: undefined variable: nobody, line:1, col:10",
    "a Liquid template with the variables count, from, returnUrl, unsubscribeUrl, firstAt, lastAt, language and messages",
  ],
  [
    "a second provider that does not exist",
    withPolicy({ steps: [{ channel: "email", backup: "mail" }] }),
    "fallback.missed.steps[0].backup",
    '"mail"',
    "one of chat, email",
  ],
  ["no steps", withPolicy({ steps: [] }), "fallback.missed.steps", "an empty list", "at least one step"],
  [
    "a step to nowhere",
    withPolicy({ steps: [{ channel: "mail" }] }),
    "fallback.missed.steps[0].channel",
    '"mail"',
    "did you mean email? one of chat, email",
  ],
  [
    "a wait for news that never come",
    withPolicy({ steps: [{ channel: "email", until: "delivered" }] }),
    "fallback.missed.steps[0].until",
    '"delivered", which the channel email cannot confirm',
    "accepted",
  ],
  [
    "a fraction of a second",
    withPolicy({ graceSeconds: 0.5 }),
    "fallback.missed.graceSeconds",
    "0.5",
    /whole number from 0/,
  ],
  [
    "an unknown reason",
    withPolicy({ never: ["OptedOut"] }),
    "fallback.missed.never[0]",
    '"OptedOut"',
    /RecipientOptedOut/,
  ],
  [
    "no time of day",
    withPolicy({ quietHours: { from: "24:00", to: "08:00" } }),
    "fallback.missed.quietHours.from",
    '"24:00"',
    "a time of day from 00:00 to 23:59",
  ],
  [
    "quiet hours without length",
    withPolicy({ quietHours: { from: "08:00", to: "08:00" } }),
    "fallback.missed.quietHours.to",
    '"08:00"',
    "another time than from",
  ],
  [
    "an unknown time zone",
    withPolicy({ quietHours: { from: "21:00", to: "08:00", timeZone: "Europe/Wien" } }),
    "fallback.missed.quietHours.timeZone",
    '"Europe/Wien"',
    /IANA/,
  ],
  [
    "no e-mail address",
    withPolicy({ addressOf: { anna: { email: "anna" } } }),
    "fallback.missed.addressOf.anna.email",
    "a text of 4 characters",
    "an e-mail address",
  ],
  [
    "no phone number",
    withPolicy({ addressOf: { anna: { phone: "0664 123" } } }),
    "fallback.missed.addressOf.anna.phone",
    "a text of 8 characters",
    /E\.164/,
  ],
  [
    "an unknown place for addresses",
    withPolicy({ addresses: ["externalcontact"] }),
    "fallback.missed.addresses[0]",
    '"externalcontact"',
    /did you mean externalContact/,
  ],

  [
    "an OAuth client without secret",
    { ...complete, organisations: { main: { clients: [{ id: "a" }] } } },
    "organisations.main.clients[0].secret",
    "nothing",
    /secret/,
  ],
  [
    "an odd region",
    { ...complete, organisations: { main: { region: "eu-central-9" } } },
    "organisations.main.region",
    '"eu-central-9"',
    /eu-central-1, eu-central-2/,
  ],
  [
    "text kept longer than its message",
    { ...complete, retention: { textDays: 400 } },
    "retention.messagesDays",
    "nothing",
    "at least textDays",
  ],
  ["no body", { ...complete, maxBodyBytes: 0 }, "maxBodyBytes", "0", /bytes/],
  [
    "an integration on a channel that nothing serves yet",
    { ...minimal, channels: { chat: { type: "webchat" } } },
    "integrations[0].channel",
    '"chat", a webchat, which this version does not serve',
    "a channel of another type",
  ],
  [
    "a variable that is not set",
    withChat({ secret: "env:NOT_SET" }),
    "channels.chat.secret",
    "env:NOT_SET, which is not set",
    "set the variable NOT_SET",
  ],
  [
    "a file that is not there",
    withChat({ secret: "file:/none" }),
    "channels.chat.secret",
    "file:/none, which cannot be read (ENOENT)",
    "a readable file",
  ],
  [
    "a reference to something wrong",
    withChat({ url: "env:GENESYS_REGION" }),
    "channels.chat.url",
    "a text of 12 characters",
    /http/,
  ],
])("%s", (_, settings, path, found, allowed) => {
  test(`is one problem at ${path}`, () => {
    const problems = loadBad(settings);
    expect(problems).toEqual([{ path, found, allowed: expect.any(String) }]);
    expect(problems[0]?.allowed).toMatch(allowed);
  });
});

test.each([
  [
    "of too few bits",
    generateKeyPairSync("rsa", { modulusLength: 768 }).privateKey,
    /1024 bits.*this one has 768 bits/,
  ],
  ["that mails are not signed with", generateKeyPairSync("ed25519").privateKey, /of the kind ed25519/],
  ["that is public", generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey, /no private key was found/],
])("a key %s is a problem that does not show it", (_, key, allowed) => {
  const type = key.type === "public" ? "spki" : "pkcs8";
  const pem = String(key.export({ format: "pem", type: type as "pkcs8" }));
  expect(loadBad(withDkim({ privateKey: pem }))).toEqual([
    {
      path: "channels.email.dkim.privateKey",
      found: `a text of ${pem.length} characters`,
      allowed: expect.stringMatching(allowed),
    },
  ]);
});

describe("integrations", () => {
  test("no name or id may be another's name or id", () => {
    const second = { ...integration, id: "second", name: integration.id };
    const third = { ...integration, id: "second", name: "third" };
    expect(loadBad({ ...minimal, integrations: [integration, second, third] })).toEqual([
      {
        path: "integrations[1].name",
        found: `"${integration.id}", as integrations[0] has`,
        allowed: "a name and an id that no other integration has",
      },
      {
        path: "integrations[2].id",
        found: '"second", as integrations[1] has',
        allowed: "a name and an id that no other integration has",
      },
    ]);
  });

  test("one organisation of several has to be named", () => {
    const organisations = { one: {}, two: {} };
    expect(loadBad({ ...minimal, organisations })).toEqual([
      { path: "integrations[0].organisation", found: "nothing", allowed: "one of one, two" },
    ]);
  });

  test("an organisation that nothing describes is named with the variables that would", () => {
    const settings = { ...minimal, integrations: [{ ...integration, organisation: "main" }] };
    expect(loadBad(settings, {})).toMatchObject([
      { path: "integrations[0].organisation", found: '"main"', allowed: expect.stringContaining("GENESYS_CLIENT_ID") },
    ]);
    expect(load(settings)).toMatchObject({ ok: true });
  });

  test("forward signs for integrations with different secrets only when told which", () => {
    const other = { ...integration, name: "other", id: "other", signatureSecrets: ["another-secret-of-mine"] };
    const settings = {
      integrations: [integration, other],
      channels: { chat: { type: "forward", url: "https://old.example" } },
    };
    expect(loadBad(settings)).toMatchObject([
      { path: "channels.chat.secret", found: "nothing, and 2 secrets of its integrations" },
    ]);
  });

  test("names of built-in properties are names like others", () => {
    expect(loadBad(withIntegration({ channel: "constructor" }))).toMatchObject([
      { path: "integrations[0].channel", found: '"constructor"' },
    ]);
    expect(loadBad(withPolicy({ steps: [{ channel: "toString" }] }))).toMatchObject([
      { path: "fallback.missed.steps[0].channel", found: '"toString"' },
    ]);
  });
});

describe("variables", () => {
  test.each<[string, string, string]>([
    ["PORT", "http", '"http"'],
    ["PORT", "65536", '"65536"'],
    ["HOST", "a host", '"a host"'],
    ["PUBLIC_URL", "bridge.example", '"bridge.example"'],
    ["PUBLIC_URL", "https://bridge.example/?a=1", '"https://bridge.example/?a=1"'],
    ["DATABASE_URL", "file:./bridge.db", "file:./bridge.db, which cannot be read (ENOENT)"],
    ["ADMIN_TOKEN", "two words", "a text of 9 characters"],
    ["GENESYS_GATEWAY_URL", "gateway", "a text of 7 characters"],
    ["SMTP_URL", "mail.example:25", "a text of 15 characters"],
    ["MAIL_FROM", "nobody", "a text of 6 characters"],
    ["TWILIO_ACCOUNT_SID", "SK123", "a text of 5 characters"],
    ["TWILIO_FROM", "0664/123456789", "a text of 14 characters"],
    ["LOG_LEVEL", "verbose", '"verbose"'],
  ])("%s does not take %s", (name, value, found) => {
    const problems = loadBad(complete, { ...env, [name]: value }).filter(({ path }) => path === name);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.found).toBe(found);
  });

  test("DATABASE_URL asks for ADMIN_TOKEN", () => {
    expect(loadBad(complete, { ...env, DATABASE_URL: "postgres://db/bridge" })).toEqual([
      { path: "ADMIN_TOKEN", found: "nothing", allowed: "a token, needed with DATABASE_URL" },
    ]);
  });

  test("half an OAuth client is a problem", () => {
    expect(loadBad(minimal, { GENESYS_CLIENT_ID: "client-1" })).toEqual([
      {
        path: "GENESYS_CLIENT_SECRET",
        found: "nothing",
        allowed: "the secret of that OAuth client, as one of both is set",
      },
      {
        path: "GENESYS_REGION",
        found: "nothing",
        allowed: "a region such as eu-central-1, as the OAuth client is set",
      },
    ]);
  });

  test("an SMS step asks for the whole Twilio account", () => {
    const settings = {
      ...complete,
      channels: { ...complete.channels, sms: { type: "sms" } },
      fallback: { missed: { steps: [{ channel: "email" }, { channel: "sms" }] } },
    };
    expect(loadBad(settings).map(({ path, allowed }) => `${path}: ${allowed}`)).toEqual([
      "TWILIO_ACCOUNT_SID: the Twilio account's SID, for fallback.missed.steps[1]",
      "TWILIO_AUTH_TOKEN: the Twilio account's auth token, for fallback.missed.steps[1]",
      "TWILIO_FROM: a number, or TWILIO_MESSAGING_SERVICE_SID, for fallback.missed.steps[1]",
    ]);
  });

  test("a wrong gateway URL is the only problem of organisations that wait for it", () => {
    const settings = { ...complete, organisations: { main: { region: "env:GENESYS_REGION" } } };
    const problems = loadBad(settings, { ...env, GENESYS_REGION: "", GENESYS_GATEWAY_URL: "127.0.0.1" });
    expect(problems.map(({ path }) => path)).toEqual(["GENESYS_GATEWAY_URL"]);
  });

  test("a wrong variable is told once, not again as missing", () => {
    const settings = { ...complete, channels: { chat, email: { type: "email" } } };
    const problems = loadBad(settings, { ...env, SMTP_URL: "mail.example", MAIL_FROM: "a@b.example" });
    expect(problems.map(({ path }) => path)).toEqual(["SMTP_URL"]);
  });
});

describe("secrets", () => {
  const marker = "tell-nobody-7f3a";

  test.each([
    ["signature secret", withIntegration({ signatureSecrets: marker })],
    ["adapter's secret", withChat({ secret: marker })],
    ["adapter's secret in the wrong place", withChat({ confirms: `whsec_${marker}` })],
    ["password in a URL", withChat({ url: `https://me:${marker}@chat.example` })],
    ["mail password", { ...complete, channels: { chat, email: { ...email, smtp: `imap://me:${marker}@mail` } } }],
    ["bot token", { ...complete, channels: { chat, email, bot: { type: "telegram", token: [marker] } } }],
    ["OAuth secret", { ...complete, organisations: { main: { clients: [{ id: "a", secret: { marker } }] } } }],
    ["value of a variable", withChat({ confirms: "env:MARKER", url: "env:MARKER" })],
  ])("%s is not shown", (_, settings) => {
    expect(JSON.stringify(loadBad(settings, { ...env, MARKER: marker }))).not.toContain(marker.slice(0, 12));
  });

  test("variables that hold secrets are not shown", () => {
    const names = [
      "DATABASE_URL",
      "ADMIN_TOKEN",
      "EVENT_TOKEN",
      "SMTP_URL",
      "TWILIO_ACCOUNT_SID",
      "GENESYS_GATEWAY_URL",
    ];
    const wrong = Object.fromEntries(names.map((name) => [name, `${marker} `]));
    const problems = loadBad(complete, { ...env, ...wrong });
    expect(problems.map(({ path }) => path).sort()).toEqual([...names].sort());
    expect(JSON.stringify(problems)).not.toContain(marker);
  });
});

test("no settings make it throw", () => {
  const words = [
    "channels",
    "integrations",
    "fallback",
    "steps",
    "type",
    "http",
    "retry",
    "__proto__",
    "env:X",
    "file:y",
  ];
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: "small" }, fc.constantFrom(...words), fc.jsonValue(), tie("list"), tie("object")),
    list: fc.array(tie("tree"), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom(...words), tie("tree"), { maxKeys: 5 }),
  }));
  const root = fc.record(
    { channels: tree, integrations: tree, fallback: tree, organisations: tree, retention: tree },
    { requiredKeys: [] },
  );
  const seen = fc.check(
    fc.property(root, (settings) => {
      const loaded = load(settings, { ...env, X: signatureSecret });
      return loaded.ok || loaded.problems.length > 0;
    }),
    { numRuns: 300 },
  );
  expect(seen.errorInstance).toBeNull();
  expect(seen.failed).toBe(false);
});

test("a bot whose updates come by webhook needs the address they are sent to", () => {
  const telegram = { type: "telegram", token: "1:a", updates: "webhook" };
  const settings = { ...minimal, channels: { chat: telegram } };
  expect(loadBad(settings, { ...env, PUBLIC_URL: undefined })).toEqual([
    {
      ...{ path: "PUBLIC_URL", found: "nothing" },
      allowed: "where the bridge is reached, as channels.chat.updates is webhook",
    },
  ]);
  expect(load(settings).ok).toBe(true);
});

test("copies of attachments need the address at which they are fetched", () => {
  const settings = { ...minimal, channels: { chat: { ...chat, media: "rehost" } } };
  expect(loadBad(settings, { ...env, PUBLIC_URL: undefined })).toEqual([
    { path: "PUBLIC_URL", found: "nothing", allowed: "where the bridge is reached, as channels.chat.media is rehost" },
  ]);
  expect(load(settings).ok).toBe(true);
});
