/** What settings and variables need of each other. */
import { checkAgentless, checkCarriers } from "./agentless";
import { findForwardSecrets, nameOrganisations, readTwilio } from "./build";
import { type Given, missVariable } from "./environment";
import type { Outline } from "./links";
import { formatPath, type Problem } from "./problem";

/** Checks that whatever the settings make use of is set up, by the file or by variables. */
export function checkNeeds(settings: Outline, given: Given): Problem[] {
  return [
    ...checkStore(given),
    ...checkOrganisations(settings, given),
    ...checkCarriers(settings),
    ...Object.entries(settings.channels).flatMap(([name, channel]) => {
      const user = findUser(settings, name);
      const problems = channel.media === "rehost" ? checkRehost(name, given) : [];
      if (problems.length > 0) return problems;
      if (channel.type === "forward") return checkForward(settings, name, channel.secret);
      if (user === undefined) return [];
      if (channel.type === "telegram") return channel.updates === "webhook" ? checkUpdates(name, given) : [];
      if (channel.provider === "genesys") return checkAgentless(settings, name, channel, user, given);
      if (channel.type === "email") return checkEmail(name, channel, user, given);
      return channel.type === "sms" ? checkSms(user, given) : [];
    }),
  ];
}

/** Says what works less well than one may think, although nothing is wrong. */
export function listWarnings(settings: Outline, given: Given): string[] {
  const organisations = nameOrganisations(Object.keys(settings.organisations), given);
  const unattached = organisations.length === 0 ? settings.integrations : [];
  const types = Object.values(settings.channels).map((channel) => channel.type);
  const usesTwilio = Object.values(settings.channels).some(
    ({ type, provider }) => type === "sms" && provider !== "genesys",
  );
  const withoutUrl = given.PUBLIC_URL === undefined;
  const weakTokens = (["ADMIN_TOKEN", "EVENT_TOKEN"] as const).filter((name) => (given[name]?.length ?? 16) < 16);
  return [
    ...(settings.integrations.length === 0 ? ["integrations: none is set up, so no webhook is taken"] : []),
    ...unattached.map(
      (integration, index) =>
        `integrations[${index}]${integration.name === undefined ? "" : ` (${integration.name})`}: ` +
        "no organisation, so receipts cannot be sent to Genesys Cloud",
    ),
    ...(withoutUrl && Object.keys(settings.fallback).length > 0
      ? ["PUBLIC_URL: not set, so notices carry no links"]
      : []),
    ...(withoutUrl && usesTwilio && readTwilio(given) !== undefined
      ? ["PUBLIC_URL: not set, so Twilio cannot report what became of an SMS"]
      : []),
    ...(withoutUrl && types.includes("telegram")
      ? ["PUBLIC_URL: not set, so of files that customers send over Telegram only the names come in"]
      : []),
    ...settings.integrations.flatMap(({ signatureSecrets }, index) =>
      signatureSecrets.flatMap((secret, n) =>
        secret.length > 0 && secret.length < 16
          ? [
              `integrations[${index}].signatureSecrets[${n}]: Genesys Cloud takes secret tokens of 16 characters and more`,
            ]
          : [],
      ),
    ),
    ...weakTokens.map((name) => `${name}: shorter than 16 characters, so it may be guessed`),
  ];
}

/** Beside PostgreSQL run many processes, and they have no common place for a token of their own making. */
function checkStore({ DATABASE_URL, ADMIN_TOKEN }: Given): Problem[] {
  if (DATABASE_URL === undefined || ADMIN_TOKEN !== undefined) return [];
  return [missVariable("ADMIN_TOKEN", "a token, needed with DATABASE_URL")];
}

function checkOrganisations(settings: Outline, given: Given): Problem[] {
  const names = Object.keys(settings.organisations);
  const lacksClients = names.find((name) => settings.organisations[name]?.clients === undefined);
  const lacksRegion = names.find((name) => settings.organisations[name]?.region === undefined);
  const { GENESYS_CLIENT_ID: id, GENESYS_CLIENT_SECRET: secret } = given;
  const isImplied = names.length === 0 && (id !== undefined || secret !== undefined);
  const wantsClient = isImplied ? "one of both is set" : lacksClients && `organisations.${lacksClients} has no clients`;
  const wantsRegion = isImplied
    ? "the OAuth client is set"
    : lacksRegion && `organisations.${lacksRegion} has no region`;
  const problems: Problem[] = [];
  if (wantsClient && id === undefined)
    problems.push(missVariable("GENESYS_CLIENT_ID", `the id of an OAuth client, as ${wantsClient}`));
  if (wantsClient && secret === undefined)
    problems.push(missVariable("GENESYS_CLIENT_SECRET", `the secret of that OAuth client, as ${wantsClient}`));
  if (wantsRegion && given.GENESYS_REGION === undefined && given.GENESYS_GATEWAY_URL === undefined)
    problems.push(missVariable("GENESYS_REGION", `a region such as eu-central-1, as ${wantsRegion}`));
  return problems;
}

/** A copy of a file can only be fetched from an address that others reach. */
function checkRehost(name: string, { PUBLIC_URL }: Given): Problem[] {
  if (PUBLIC_URL !== undefined) return [];
  return [
    missVariable("PUBLIC_URL", `where the bridge is reached, as ${formatPath(["channels", name, "media"])} is rehost`),
  ];
}

/** Telegram sends updates to an address it can reach. */
function checkUpdates(name: string, { PUBLIC_URL }: Given): Problem[] {
  if (PUBLIC_URL !== undefined) return [];
  const path = formatPath(["channels", name, "updates"]);
  return [missVariable("PUBLIC_URL", `where the bridge is reached, as ${path} is webhook`)];
}

/** The first place that sends through a channel. */
function findUser(settings: Outline, channel: string): string | undefined {
  const integration = settings.integrations.findIndex((each) => each.channel === channel);
  if (integration >= 0) return `integrations[${integration}]`;
  for (const [policy, { steps }] of Object.entries(settings.fallback)) {
    const step = steps.findIndex((each) => each.channel === channel || each.backup === channel);
    if (step >= 0) return formatPath(["fallback", policy, "steps", step]);
  }
  return undefined;
}

function checkForward(settings: Outline, name: string, secret: unknown): Problem[] {
  const secrets = findForwardSecrets(name, settings.integrations);
  if (secret !== undefined || secrets.length === 1) return [];
  const found = secrets.length === 0 ? "nothing" : `nothing, and ${secrets.length} secrets of its integrations`;
  return [{ path: formatPath(["channels", name, "secret"]), found, allowed: "the secret token its receiver knows" }];
}

function checkEmail(name: string, channel: { smtp?: unknown; from?: unknown }, user: string, given: Given): Problem[] {
  const problems: Problem[] = [];
  const miss = (key: string, allowed: string) =>
    problems.push({ path: formatPath(["channels", name, key]), found: "nothing", allowed: `${allowed}, for ${user}` });
  if (channel.smtp === undefined && given.SMTP_URL === undefined) miss("smtp", "an SMTP URL here or in SMTP_URL");
  if (channel.from === undefined && given.MAIL_FROM === undefined) miss("from", "an address here or in MAIL_FROM");
  return problems;
}

function checkSms(user: string, given: Given): Problem[] {
  const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM, TWILIO_MESSAGING_SERVICE_SID } = given;
  const problems: Problem[] = [];
  if (TWILIO_ACCOUNT_SID === undefined)
    problems.push(missVariable("TWILIO_ACCOUNT_SID", `the Twilio account's SID, for ${user}`));
  if (TWILIO_AUTH_TOKEN === undefined)
    problems.push(missVariable("TWILIO_AUTH_TOKEN", `the Twilio account's auth token, for ${user}`));
  if (TWILIO_FROM === undefined && TWILIO_MESSAGING_SERVICE_SID === undefined)
    problems.push(missVariable("TWILIO_FROM", `a number, or TWILIO_MESSAGING_SERVICE_SID, for ${user}`));
  return problems;
}
