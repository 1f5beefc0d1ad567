/** Settings and variables, found right, made into what the parts are given: every default filled in, one unit per thing. */
import { join } from "node:path";
import type { Environment, Texts } from "./environment";
import { canConfirmDelivery, webMessaging } from "./links";
import type { ChannelSettings, Settings } from "./settings";

/** Checked input of `buildConfig`. */
export interface Checked {
  environment: Environment;
  settings: Settings;
}

/** What the program runs with. Durations in Ms but for `retry`, which keeps the channel's own words. */
export type Config = ReturnType<typeof buildConfig>;
export type Organisation = Config["organisations"][number];
export type Integration = Config["integrations"][number];
export type ChannelConfig = Config["channels"][number];
export type FallbackPolicy = Config["fallback"][number];

/** Call with checked input only: what a check would have refused is left out here. */
export function buildConfig({ environment, settings }: Checked) {
  const organisations = buildOrganisations({ environment, settings });
  return {
    settingsFile: environment.OMB_CONFIG,
    host: environment.HOST,
    port: environment.PORT,
    /** Without a slash at its end. */
    publicUrl: environment.PUBLIC_URL,
    dataDirectory: environment.DATA_DIR,
    database: locateDatabase(environment),
    adminToken: environment.ADMIN_TOKEN,
    eventToken: environment.EVENT_TOKEN,
    logLevel: environment.LOG_LEVEL,
    organisations,
    integrations: settings.integrations.map((integration) =>
      buildIntegration(integration, settings, organisations.length === 1 ? organisations[0]?.name : undefined),
    ),
    channels: Object.entries(settings.channels)
      .map(([name, channel]) => buildChannel(name, channel, { environment, settings }))
      .filter((channel) => channel !== undefined),
    fallback: Object.entries(settings.fallback).map(([name, policy]) =>
      buildPolicy(name, policy, { environment, settings }),
    ),
    twilio: readTwilio(environment),
    contacts: buildContacts(settings),
    customerEndDelayMs: settings.events.customerEndDelaySeconds * 1000,
    maxBodyBytes: settings.maxBodyBytes,
    retention: settings.retention,
  };
}

type Database = { kind: "sqlite"; file: string } | { kind: "postgres"; url: string };

function locateDatabase(environment: Environment): Database {
  const url = environment.DATABASE_URL;
  return url === undefined
    ? { kind: "sqlite", file: join(environment.DATA_DIR, "bridge.sqlite") }
    : { kind: "postgres", url };
}

/** The name of the organisation that variables alone describe. */
export const impliedOrganisation = "main";

/** The organisations of the file, or the one that variables imply when the file has none. */
export function nameOrganisations(names: readonly string[], given: Texts): string[] {
  if (names.length > 0) return [...names];
  const { GENESYS_CLIENT_ID: id, GENESYS_CLIENT_SECRET: secret } = given;
  const isReachable = (given.GENESYS_REGION ?? given.GENESYS_GATEWAY_URL) !== undefined;
  return id !== undefined && secret !== undefined && isReachable ? [impliedOrganisation] : [];
}

function buildOrganisations({ environment, settings }: Checked) {
  const { GENESYS_CLIENT_ID: id, GENESYS_CLIENT_SECRET: secret, GENESYS_GATEWAY_URL: gatewayUrl } = environment;
  const ownClients = id !== undefined && secret !== undefined ? [{ id, secret }] : [];
  const policies = Object.keys(settings.fallback);
  const onlyPolicy = policies.length === 1 ? policies[0] : undefined;
  return nameOrganisations(Object.keys(settings.organisations), environment).map((name, _index, names) => {
    const organisation = settings.organisations[name];
    return {
      name,
      /** Where a gateway URL is set, it takes the region's place. */
      region: gatewayUrl === undefined ? (organisation?.region ?? environment.GENESYS_REGION) : undefined,
      gatewayUrl,
      clients: organisation?.clients ?? ownClients,
      requestsPerMinute: organisation?.requestsPerMinute ?? 300,
      webMessaging: {
        /** Stands for an integration where the messages are told of; no integration can have this name. */
        integration: names.length === 1 ? webMessaging : `${webMessaging}.${name}`,
        fallback: organisation?.webMessaging.fallback ?? onlyPolicy,
        from: organisation?.webMessaging.from ?? "our web chat",
      },
    };
  });
}

function buildContacts({ contacts, channels }: Settings) {
  const firstOf = (type: string) => Object.keys(channels).find((name) => channels[name]?.type === type);
  const { codeMinutes, codesPerAddressPerHour, codesPerConversationPerDay, codesPerDay, smsCountries, ...rest } =
    contacts;
  return {
    ...rest,
    codeMs: codeMinutes * 60_000,
    perAddressPerHour: codesPerAddressPerHour,
    perConversationPerDay: codesPerConversationPerDay,
    perDay: codesPerDay,
    countries: smsCountries,
    emailChannel: contacts.emailChannel ?? firstOf("email"),
    smsChannel: contacts.smsChannel ?? firstOf("sms"),
  };
}

function buildIntegration(
  { undeliveredAfterSeconds, ...integration }: Settings["integrations"][number],
  settings: Settings,
  onlyOrganisation: string | undefined,
) {
  const policy = integration.fallback === undefined ? undefined : settings.fallback[integration.fallback];
  return {
    ...integration,
    organisation: integration.organisation ?? onlyOrganisation,
    ...(settings.channels[integration.channel]?.type === "forward" && { forwards: true as const }),
    /** Counted from `accepted`: the policy's where there is one, else the integration's own. */
    undeliveredAfterMs: (policy?.undeliveredAfterSeconds ?? undeliveredAfterSeconds) * 1000,
  };
}

/** The account that SMS go through, or undefined when the variables do not describe one. */
export function readTwilio(environment: Texts) {
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_BASE_URL: baseUrl } = environment;
  const { TWILIO_FROM: from, TWILIO_MESSAGING_SERVICE_SID: messagingServiceSid } = environment;
  if (accountSid === undefined || authToken === undefined) return undefined;
  if (from === undefined && messagingServiceSid === undefined) return undefined;
  return { accountSid, authToken, from, messagingServiceSid, baseUrl };
}

/** One channel; undefined when nothing uses it and it is not set up. */
function buildChannel(name: string, channel: ChannelSettings, { environment, settings }: Checked) {
  const shared = { name, accepts: channel.accepts, media: channel.media, retry: channel.retry };
  const timeoutMs = Math.round(channel.timeoutSeconds * 1000);
  switch (channel.type) {
    case "http": {
      const { type, url, secret, confirms } = channel;
      return { ...shared, type, timeoutMs, url, secret, confirms };
    }
    case "forward": {
      const { type, url } = channel;
      const secret = channel.secret ?? findForwardSecrets(name, settings.integrations)[0];
      return secret === undefined ? undefined : { ...shared, type, timeoutMs, url, secret };
    }
    case "email": {
      if (channel.provider === "genesys") return buildAgentless(name, channel, { environment, settings });
      const {
        type,
        provider,
        replyTo,
        returnPath,
        dkim,
        bounces,
        smtp = environment.SMTP_URL,
        from = environment.MAIL_FROM,
      } = channel;
      if (smtp === undefined || from === undefined) return undefined;
      const mailbox = bounces && { imap: bounces.imap, everyMs: bounces.everySeconds * 1000 };
      return { ...shared, type, provider, timeoutMs, smtp, from, replyTo, returnPath, dkim, bounces: mailbox };
    }
    case "sms": {
      if (channel.provider === "genesys") return buildAgentless(name, channel, { environment, settings });
      const twilio = readTwilio(environment);
      if (twilio === undefined) return undefined;
      const { PUBLIC_URL } = environment;
      const statusUrl = PUBLIC_URL && `${PUBLIC_URL}/twilio/status?channel=${encodeURIComponent(name)}`;
      const { type, provider } = channel;
      return { ...shared, type, provider, timeoutMs, twilio, statusUrl };
    }
    case "telegram": {
      const { type, token, url, updates, webhookSecret } = channel;
      return { ...shared, type, timeoutMs, token, url, updates, webhookSecret };
    }
    case "webchat":
      return { ...shared, type: channel.type, timeoutMs };
    default:
      return channel satisfies never;
  }
}

/** One that Genesys Cloud carries. */
function buildAgentless(
  name: string,
  channel: Extract<ChannelSettings, { provider: unknown }>,
  { environment, settings }: Checked,
) {
  const { accepts, media, retry, from } = channel;
  const organisations = nameOrganisations(Object.keys(settings.organisations), environment);
  const organisation = channel.organisation ?? (organisations.length === 1 ? organisations[0] : undefined);
  if (organisation === undefined) return undefined;
  const timeoutMs = Math.round(channel.timeoutSeconds * 1000);
  const shared = { name, accepts, media, retry, timeoutMs, provider: "genesys" as const, organisation };
  if (channel.type === "sms") return from === undefined ? undefined : { ...shared, type: channel.type, from };
  const sender = from ?? environment.MAIL_FROM;
  if (sender === undefined) return undefined;
  return {
    ...shared,
    type: channel.type,
    from: sender,
    replyTo: channel.replyTo,
    returnPath: undefined,
    bounces: undefined,
  };
}

/** The first secrets of the integrations whose messages this channel forwards, each once. */
export function findForwardSecrets(
  channel: string,
  integrations: readonly { channel?: string | undefined; signatureSecrets: readonly string[] }[],
): string[] {
  const secrets = integrations.filter((each) => each.channel === channel).map((each) => each.signatureSecrets[0]);
  return [...new Set(secrets.filter((secret) => secret !== undefined))];
}

function buildPolicy(name: string, policy: Settings["fallback"][string], { environment, settings }: Checked) {
  const { undeliveredAfterSeconds, graceSeconds, maxAgeSeconds, steps, quietHours, attributes, ...rest } = policy;
  return {
    name,
    ...rest,
    undeliveredAfterMs: undeliveredAfterSeconds * 1000,
    graceMs: graceSeconds * 1000,
    maxAgeMs: maxAgeSeconds * 1000,
    attributes: attributes === "none" ? {} : attributes,
    quietHours: quietHours && buildQuietHours(quietHours),
    /** A backup is a step of its own right behind the one it stands in for. */
    steps: steps.flatMap(({ channel, backup, address, afterSeconds, until, quietHours: own }) => {
      const hours = own ?? quietHours;
      const shared = { quietHours: hours === undefined || hours === "none" ? undefined : buildQuietHours(hours) };
      const build = (through: string, afterMs: number, isBackup: boolean) => ({
        ...shared,
        channel: through,
        address: address ?? addressOf(settings.channels[through]),
        afterMs,
        until: until ?? (expectsReports(settings.channels[through], environment) ? ("delivered" as const) : "accepted"),
        isBackup,
      });
      const first = build(channel, afterSeconds * 1000, false);
      return backup === undefined ? [first] : [first, build(backup, 0, true)];
    }),
  };
}

/** Minutes of the day, 0 to 1439; from may be later than to. */
function buildQuietHours({ from, to, timeZone }: { from: string; to: string; timeZone: string }) {
  return { fromMinute: countMinutes(from), toMinute: countMinutes(to), timeZone };
}

/** Where a channel's notices go: an adapter knows its customers by their own ids. */
function addressOf(channel: ChannelSettings | undefined): "email" | "phone" | "recipient" {
  if (channel?.type === "email") return "email";
  return channel?.type === "sms" ? "phone" : "recipient";
}

/** Twilio reports to our public URL only. */
function expectsReports(channel: ChannelSettings | undefined, environment: Environment): boolean {
  if (channel === undefined || !canConfirmDelivery(channel)) return false;
  return channel.type !== "sms" || environment.PUBLIC_URL !== undefined;
}

function countMinutes(timeOfDay: string): number {
  const [hours, minutes] = timeOfDay.split(":").map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}
