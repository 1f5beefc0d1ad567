import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadConfig } from "../../src/config";
import {
  chat,
  chatSecret,
  email,
  env,
  integration,
  load,
  loadBad,
  loadGood,
  minimal,
  signatureSecret,
} from "./settings";

describe("good settings", () => {
  test("the smallest settings get every default", () => {
    expect(loadGood(minimal).config).toEqual({
      settingsFile: "config/default.json",
      host: "0.0.0.0",
      port: 3000,
      publicUrl: "https://bridge.example",
      dataDirectory: "./data",
      database: { kind: "sqlite", file: "data/bridge.sqlite" },
      logLevel: "info",
      organisations: [
        {
          name: "main",
          region: "eu-central-1",
          clients: [{ id: "client-1", secret: "client-secret-1" }],
          requestsPerMinute: 300,
          webMessaging: { integration: "web-messaging", from: "our web chat" },
        },
      ],
      customerEndDelayMs: 30_000,
      contacts: {
        codeMs: 600_000,
        triesPerCode: 5,
        perAddressPerHour: 3,
        perConversationPerDay: 5,
        perDay: 500,
        countries: [],
        subject: expect.stringContaining("{{ code }}"),
        text: expect.stringContaining("{{ code }}"),
      },
      integrations: [
        {
          ...integration,
          organisation: "main",
          contacts: { automatic: false, proof: "code" },
          receipts: "all",
          acceptedCountsAsDelivered: false,
          onUnconfirmed: "none",
          undeliveredAfterMs: 86_400_000,
        },
      ],
      channels: [
        {
          name: "chat",
          ...chat,
          confirms: "accepted",
          media: "auto",
          timeoutMs: 10_000,
          retry: { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 },
        },
      ],
      fallback: [],
      maxBodyBytes: 1_048_576,
      retention: { textDays: 30, messagesDays: 365 },
    });
  });

  test("a policy gets every default, and its time to confirm holds for its integration", () => {
    const { config } = loadGood({
      integrations: [{ ...integration, fallback: "missed", undeliveredAfterSeconds: 7 }],
      channels: { chat, email },
      fallback: { missed: { steps: [{ channel: "email" }] } },
    });
    expect(config.fallback).toEqual([
      {
        name: "missed",
        purpose: "transactional",
        undeliveredAfterMs: 900_000,
        graceMs: 60_000,
        digest: true,
        steps: [{ channel: "email", address: "email", afterMs: 0, until: "accepted", isBackup: false }],
        never: [],
        maxAgeMs: 86_400_000,
        addresses: ["recipient", "adapter", "externalContact"],
        addressOf: {},
        replies: "inbound",
        templates: {},
        language: "en",
        revealText: false,
        attributes: {
          triggered: "WebMessagingNotificationTriggered",
          contactFound: "WebMessagingNotificationExternalContactFound",
          outcome: "WebMessagingNotificationOutcome",
        },
      },
    ]);
    expect(config.integrations[0]?.undeliveredAfterMs).toBe(900_000);
  });

  test("a second provider becomes a step of its own behind the one it stands in for", () => {
    const { config } = loadGood({
      ...minimal,
      channels: { chat, push: chat, email },
      fallback: { missed: { steps: [{ channel: "push", backup: "email", afterSeconds: 5, address: "email" }] } },
    });
    expect(config.fallback[0]?.steps).toMatchObject([
      { channel: "push", address: "email", afterMs: 5000, isBackup: false },
      { channel: "email", address: "email", afterMs: 0, isBackup: true },
    ]);
  });

  test("a step has the policy's quiet hours, its own, or none", () => {
    const quietHours = { from: "21:00", to: "08:00", timeZone: "Europe/Vienna" };
    const steps = [
      { channel: "email" },
      { channel: "email", quietHours: "none" },
      { channel: "email", quietHours: { from: "22:00", to: "07:00" } },
    ];
    const { config } = loadGood({ ...minimal, channels: { chat, email }, fallback: { missed: { steps, quietHours } } });
    expect(config.fallback[0]?.steps.map((step) => step.quietHours)).toEqual([
      { fromMinute: 1260, toMinute: 480, timeZone: "Europe/Vienna" },
      undefined,
      { fromMinute: 1320, toMinute: 420, timeZone: "UTC" },
    ]);
  });

  test("quiet hours become minutes of the day", () => {
    const quietHours = { from: "21:30", to: "08:00", timeZone: "Europe/Vienna" };
    const { config } = loadGood({
      ...minimal,
      channels: { chat, email },
      fallback: { missed: { steps: [{ channel: "email" }], quietHours } },
    });
    expect(config.fallback[0]?.quietHours).toEqual({ fromMinute: 1290, toMinute: 480, timeZone: "Europe/Vienna" });
  });

  test("the result is frozen all the way down", () => {
    const { config } = loadGood(minimal);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.organisations[0]?.clients[0])).toBe(true);
    expect(() => config.integrations[0]?.signatureSecrets.push("another")).toThrow(TypeError);
  });

  test("DATABASE_URL chooses PostgreSQL", () => {
    const url = "postgres://bridge:pw@db.example/bridge";
    const { config } = loadGood(minimal, { ...env, DATABASE_URL: url, ADMIN_TOKEN: "a-long-enough-admin-token" });
    expect(config.database).toEqual({ kind: "postgres", url });
  });

  test("env: and file: stand for texts anywhere", () => {
    const { config } = loadGood(
      {
        integrations: [{ ...integration, signatureSecrets: ["file:/run/secrets/genesys", "env:OLD_SECRET"] }],
        channels: { chat: { ...chat, url: "env:CHAT_URL", secret: "env:CHAT_SECRET" } },
      },
      {
        ...env,
        OLD_SECRET: "the-secret-of-last-year",
        CHAT_URL: "https://chat.example/in",
        CHAT_SECRET: "file:/run/secrets/chat",
      },
      { "/run/secrets/genesys": `${signatureSecret}\n`, "/run/secrets/chat": `${chatSecret}\r\n` },
    );
    expect(config.integrations[0]?.signatureSecrets).toEqual([signatureSecret, "the-secret-of-last-year"]);
    expect(config.channels[0]).toMatchObject({ url: "https://chat.example/in", secret: chatSecret });
  });

  test("variables may name files, as container platforms hand out secrets", () => {
    const { config } = loadGood(
      minimal,
      { ...env, ADMIN_TOKEN: "file:/run/secrets/admin" },
      { "/run/secrets/admin": "token-in-a-file-0001\n" },
    );
    expect(config.adminToken).toBe("token-in-a-file-0001");
  });

  test("a variable set to nothing counts as unset", () => {
    expect(loadGood(minimal, { ...env, PORT: "", DATABASE_URL: "" }).config).toMatchObject({
      port: 3000,
      database: { kind: "sqlite" },
    });
  });

  test("OMB_CONFIG names the file, which may begin with a byte order mark", () => {
    const files = { "/etc/bridge.json": `\uFEFF${JSON.stringify({ ...minimal, maxBodyBytes: 5 })}` };
    const { config } = loadGood({}, { ...env, OMB_CONFIG: "/etc/bridge.json" }, files);
    expect(config).toMatchObject({ settingsFile: "/etc/bridge.json", maxBodyBytes: 5 });
  });

  test("a gateway URL replaces the region of every organisation", () => {
    const clients = [{ id: "a", secret: "b" }];
    const { config } = loadGood(
      {
        ...minimal,
        organisations: { main: { region: "env:NOT_SET", clients }, other: { region: "mypurecloud.de", clients } },
        integrations: [{ ...integration, organisation: "main" }],
      },
      { GENESYS_GATEWAY_URL: "http://127.0.0.1:4200", PUBLIC_URL: env.PUBLIC_URL },
    );
    expect(config.organisations.map(({ region, gatewayUrl }) => ({ region, gatewayUrl }))).toEqual([
      { gatewayUrl: "http://127.0.0.1:4200" },
      { gatewayUrl: "http://127.0.0.1:4200" },
    ]);
  });

  test("an organisation without region and clients takes those of the variables", () => {
    const { config } = loadGood({ ...minimal, organisations: { only: {} } });
    expect(config.organisations).toMatchObject([
      { name: "only", region: "eu-central-1", clients: [{ id: "client-1", secret: "client-secret-1" }] },
    ]);
    expect(config.integrations[0]?.organisation).toBe("only");
  });

  test("SMS go through the account of the variables, and confirm where Twilio can report", () => {
    const settings = {
      ...minimal,
      channels: { chat, sms: { type: "sms" } },
      fallback: { missed: { steps: [{ channel: "sms", afterSeconds: 600 }] } },
    };
    const twilio = { TWILIO_ACCOUNT_SID: "AC01", TWILIO_AUTH_TOKEN: "twilio-token", TWILIO_FROM: "+43123456789" };
    const { config } = loadGood(settings, { ...env, ...twilio });
    expect(config.channels[1]).toMatchObject({
      type: "sms",
      twilio: { accountSid: "AC01", authToken: "twilio-token", from: "+43123456789" },
    });
    expect(config.fallback[0]?.steps).toEqual([
      { channel: "sms", address: "phone", afterMs: 600_000, until: "delivered", isBackup: false },
    ]);

    const unreachable = loadGood(settings, { ...env, ...twilio, PUBLIC_URL: undefined });
    expect(unreachable.config.fallback[0]?.steps[0]?.until).toBe("accepted");
    expect(unreachable.warnings).toContain("PUBLIC_URL: not set, so Twilio cannot report what became of an SMS");

    const agentless = { type: "sms", provider: "genesys", from: "+43123456789" };
    const throughGenesys = loadGood(
      { ...settings, channels: { chat, sms: agentless } },
      { ...env, ...twilio, PUBLIC_URL: undefined },
    );
    expect(throughGenesys.warnings).not.toContainEqual(expect.stringContaining("Twilio"));
  });

  test("e-mail and SMS that nothing uses need not be set up, and are left out", () => {
    const { config } = loadGood({ ...minimal, channels: { chat, email: { type: "email" }, sms: { type: "sms" } } });
    expect(config.channels.map(({ name }) => name)).toEqual(["chat"]);
  });

  test("a key that signs mails comes from a file, or from a variable on one line", () => {
    const pem = String(
      generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ format: "pem", type: "pkcs1" }),
    );
    const signs = (privateKey: string) => ({
      ...minimal,
      channels: { chat, email: { ...email, dkim: { domain: "bridge.example", selector: "omb", privateKey } } },
    });
    const file = loadGood(signs("file:/run/dkim.pem"), env, { "/run/dkim.pem": pem });
    expect(file.config.channels[1]).toMatchObject({
      dkim: { domain: "bridge.example", selector: "omb", privateKey: pem.trimEnd() },
    });
    const variable = loadGood(signs("env:DKIM_KEY"), { ...env, DKIM_KEY: pem.replaceAll("\n", "\\n") });
    expect(variable.config.channels[1]).toMatchObject({ dkim: { privateKey: pem } });
  });

  test("the mailbox of mails that come back is read each minute", () => {
    const bounces = { imap: "env:BOUNCES" };
    const channels = { chat, email: { ...email, returnPath: "back@bridge.example", bounces } };
    const { config } = loadGood(
      { ...minimal, channels },
      { ...env, BOUNCES: "imaps://me%40b:p%2Fw@mail.example:994/Back" },
    );
    expect(config.channels[1]).toMatchObject({
      returnPath: "back@bridge.example",
      bounces: { imap: "imaps://me%40b:p%2Fw@mail.example:994/Back", everyMs: 60_000 },
    });
  });

  test("forward signs with the secret of its integration", () => {
    const settings = { ...minimal, channels: { chat: { type: "forward", url: "https://old.example/hook" } } };
    expect(loadGood(settings).config.channels[0]).toMatchObject({ type: "forward", secret: signatureSecret });
  });

  test("without an organisation a warning says that receipts cannot be sent", () => {
    const { config, warnings } = loadGood(minimal, { PUBLIC_URL: env.PUBLIC_URL });
    expect(config.organisations).toEqual([]);
    expect(warnings).toEqual([
      "integrations[0] (harborline-chat): no organisation, so receipts cannot be sent to Genesys Cloud",
    ]);
  });

  test("a signature secret that Genesys Cloud would not take gives a warning", () => {
    const [first] = minimal.integrations;
    const settings = { ...minimal, integrations: [{ ...first, signatureSecrets: ["short"] }] };
    expect(loadGood(settings, env).warnings).toContain(
      "integrations[0].signatureSecrets[0]: Genesys Cloud takes secret tokens of 16 characters and more",
    );
  });

  test("settings without integrations and a guessable token give warnings", () => {
    expect(loadGood({}, { ...env, ADMIN_TOKEN: "admin" }).warnings).toEqual([
      "integrations: none is set up, so no webhook is taken",
      "ADMIN_TOKEN: shorter than 16 characters, so it may be guessed",
    ]);
  });
});

describe("the files that come with the program", () => {
  const readFile = (path: string) => readFileSync(path, "utf8");
  const variables = {
    ...env,
    GENESYS_WEBHOOK_SECRET: signatureSecret,
    CHAT_SECRET: chatSecret,
    CHAT_URL: "http://127.0.0.1:4100/deliver",
    SMTP_URL: "smtp://127.0.0.1:2525",
    MAIL_FROM: "chat@bridge.example",
  };

  test.each(["config/default.json", "config/demo.json"])("%s needs nothing but its variables", (file) => {
    const loaded = loadConfig({ env: { ...variables, OMB_CONFIG: file }, readFile });
    expect(loaded).toMatchObject({ ok: true, warnings: [] });
  });

  test("config/default.json without variables names each that is missing", () => {
    const loaded = loadConfig({ env: {}, readFile });
    expect(loaded.ok ? [] : loaded.problems.map(({ path, found }) => `${path}: ${found}`)).toEqual([
      "organisations.main.region: env:GENESYS_REGION, which is not set",
      "organisations.main.clients[0].id: env:GENESYS_CLIENT_ID, which is not set",
      "organisations.main.clients[0].secret: env:GENESYS_CLIENT_SECRET, which is not set",
      "integrations[0].signatureSecrets[0]: env:GENESYS_WEBHOOK_SECRET, which is not set",
      "channels.chat.secret: env:CHAT_SECRET, which is not set",
      "channels.email.smtp: env:SMTP_URL, which is not set",
      "channels.email.from: env:MAIL_FROM, which is not set",
    ]);
  });
});

describe("files that cannot be read", () => {
  test("no file", () => {
    expect(loadBad({}, { OMB_CONFIG: "missing.json" })).toEqual([
      {
        path: "missing.json",
        found: "no readable file (ENOENT)",
        allowed: "a settings file; OMB_CONFIG names another",
      },
    ]);
  });

  test.each([
    ['{\n  "a": 1,\n}', "no JSON: it breaks off at line 3, column 1"],
    ['{ "secret": "whsec_private", "list": [1,\n] }', "no JSON: it breaks off at line 2, column 1"],
    ['{ "secret": "whsec_private" // mine\n}', "no JSON: it breaks off at line 1, column 29"],
    ['{ "secret": "whsec_private', "no JSON: it breaks off at line 1, column 13"],
    ["", "no JSON: it is empty"],
  ])("broken JSON is placed, not quoted: %j", (text, found) => {
    expect(loadBad({}, env, { "config/default.json": text })).toMatchObject([{ path: "config/default.json", found }]);
  });

  test.each([[[]], ["text"], [null], [7]])("JSON that is no object: %j", (settings) => {
    expect(load(settings)).toMatchObject({
      ok: false,
      problems: [{ path: "config/default.json", allowed: "an object" }],
    });
  });
});
