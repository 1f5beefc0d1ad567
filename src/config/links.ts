/** Names in the settings that point at other parts of the settings. */
import { z } from "zod";
import { describeFound, formatPath, nameChoices, type Path, type Problem } from "./problem";

const name = z.string().optional().catch(undefined);
const present = z.unknown().optional();

const outlineOfOrganisation = z
  .object({ region: present, clients: present, webMessaging: z.object({ fallback: name }).optional().catch(undefined) })
  .catch({});
const outlineOfChannel = z
  .object({
    type: name,
    provider: name,
    organisation: name,
    confirms: name,
    updates: name,
    media: name,
    secret: present,
    smtp: present,
    from: present,
    returnPath: present,
    bounces: present,
    dkim: present,
  })
  .catch({});
const outlineOfStep = z.object({ channel: name, backup: name, until: name }).catch({});
const outlineOfPolicy = z.object({ purpose: name, steps: z.array(outlineOfStep).catch([]) }).catch({ steps: [] });
const outlineOfIntegration = z
  .object({
    name,
    id: name,
    organisation: name,
    channel: name,
    fallback: name,
    signatureSecrets: z.array(z.string()).catch([]),
  })
  .catch({ signatureSecrets: [] });

/** Only the names and pointers; whatever else is wrong with the settings, these can be compared. */
const outline = z
  .object({
    organisations: z.record(z.string(), outlineOfOrganisation).catch({}),
    contacts: z.object({ emailChannel: name, smsChannel: name }).optional().catch(undefined),
    channels: z.record(z.string(), outlineOfChannel).catch({}),
    fallback: z.record(z.string(), outlineOfPolicy).catch({}),
    integrations: z.array(outlineOfIntegration).catch([]),
  })
  .catch({ organisations: {}, channels: {}, fallback: {}, integrations: [] });
export type Outline = z.infer<typeof outline>;

export function readOutline(settings: unknown): Outline {
  return outline.parse(settings);
}

/**
 * Checks that what is named exists, that names are of use in a URL, and that no integration can be taken for another.
 * `organisations` are those of the file and the one that variables imply.
 */
export function checkLinks(settings: Outline, organisations: readonly string[]): Problem[] {
  const channels = Object.keys(settings.channels);
  const policies = Object.keys(settings.fallback);
  return [
    ...checkNames(settings),
    ...settings.integrations.flatMap((integration, index) => [
      ...checkChannel(settings, ["integrations", index, "channel"], integration.channel),
      ...checkLink(["integrations", index, "fallback"], integration.fallback, policies),
      ...checkOrganisation(["integrations", index, "organisation"], integration.organisation, organisations),
    ]),
    ...Object.entries(settings.organisations).flatMap(([organisation, { webMessaging }]) =>
      checkLink(["organisations", organisation, "webMessaging", "fallback"], webMessaging?.fallback, policies),
    ),
    ...checkLink(["contacts", "emailChannel"], settings.contacts?.emailChannel, channels),
    ...checkLink(["contacts", "smsChannel"], settings.contacts?.smsChannel, channels),
    ...checkUnique(settings),
    ...channels.flatMap((channel) =>
      settings.channels[channel]?.provider === "genesys"
        ? checkOrganisation(
            ["channels", channel, "organisation"],
            settings.channels[channel].organisation,
            organisations,
          )
        : [],
    ),
    ...policies.flatMap((policy) => checkSteps(settings, policy)),
  ];
}

function checkNames(settings: Outline): Problem[] {
  return (["organisations", "channels", "fallback"] as const).flatMap((part) =>
    Object.keys(settings[part])
      .filter((key) => !/^[\w.-]+$/.test(key))
      .map((key) => ({
        path: formatPath([part, key]),
        found: `the name ${JSON.stringify(key)}`,
        allowed: "a name of letters, digits, and . _ -",
      })),
  );
}

function checkLink(path: Path, value: string | undefined, names: readonly string[]): Problem[] {
  if (value === undefined || value === "" || names.includes(value)) return [];
  return [{ path: formatPath(path), found: describeFound(value, path), allowed: nameChoices(names, value) }];
}

/** Nothing serves a web chat yet: its messages would wait for ever. */
function checkChannel(settings: Outline, path: Path, used: string | undefined): Problem[] {
  if (used === undefined || ownChannel(settings, used)?.type !== "webchat") {
    return checkLink(path, used, Object.keys(settings.channels));
  }
  const found = `${describeFound(used, path)}, a webchat, which this version does not serve`;
  return [{ path: formatPath(path), found, allowed: "a channel of another type" }];
}

function checkOrganisation(path: Path, value: string | undefined, organisations: readonly string[]): Problem[] {
  if (value !== undefined && organisations.length === 0) {
    const allowed = "one described in organisations, or main with GENESYS_CLIENT_ID, its secret and a region set";
    return [{ path: formatPath(path), found: describeFound(value, path), allowed }];
  }
  if (value !== undefined || organisations.length < 2) return checkLink(path, value, organisations);
  return [{ path: formatPath(path), found: describeFound(value, path), allowed: nameChoices(organisations) }];
}

/** What stands for the integration of messages that Genesys Cloud itself shows to customers. */
export const webMessaging = "web-messaging";

/** Names and ids stand in the same place of the webhook's URL, so no two may be alike. */
function checkUnique({ integrations }: Outline): Problem[] {
  const owners = new Map<string, number>();
  return integrations.flatMap((integration, index) =>
    (["name", "id"] as const).flatMap((key) => {
      const value = integration[key];
      if (value === undefined) return [];
      if (value === webMessaging) {
        const allowed = "another name: this one stands for Genesys Cloud's own web messaging";
        return [{ path: formatPath(["integrations", index, key]), found: describeFound(value, []), allowed }];
      }
      const owner = owners.get(value) ?? index;
      owners.set(value, owner);
      if (owner === index) return [];
      const path = ["integrations", index, key];
      const found = `${describeFound(value, path)}, as integrations[${owner}] has`;
      return [{ path: formatPath(path), found, allowed: "a name and an id that no other integration has" }];
    }),
  );
}

function checkSteps(settings: Outline, policy: string): Problem[] {
  const steps = settings.fallback[policy]?.steps ?? [];
  return steps.flatMap((step, index) =>
    (["channel", "backup"] as const).flatMap((key) =>
      checkStepChannel(settings, ["fallback", policy, "steps", index, key], step[key], step.until),
    ),
  );
}

function checkStepChannel(
  settings: Outline,
  path: Path,
  used: string | undefined,
  until: string | undefined,
): Problem[] {
  const channel = used === undefined ? undefined : ownChannel(settings, used);
  if (channel === undefined) return checkLink(path, used, Object.keys(settings.channels));
  if (channel.type === "forward") {
    const found = `${describeFound(used, path)}, which hands on webhooks`;
    return [{ path: formatPath(path), found, allowed: "a channel that can carry a notice, such as email or sms" }];
  }
  if (until !== "delivered" || canConfirmDelivery(channel)) return [];
  return [
    {
      path: formatPath([...path.slice(0, -1), "until"]),
      found: `"delivered", which the channel ${used} cannot confirm`,
      allowed: "accepted",
    },
  ];
}

function ownChannel(settings: Outline, channel: string) {
  return Object.hasOwn(settings.channels, channel) ? settings.channels[channel] : undefined;
}

/** Whether news of a delivery can ever come from a channel with these settings. */
export function canConfirmDelivery(channel: {
  type?: string | undefined;
  provider?: string | undefined;
  confirms?: string | undefined;
}): boolean {
  if (channel.type === "http") return channel.confirms === "delivered" || channel.confirms === "read";
  return (channel.type === "sms" && channel.provider !== "genesys") || channel.type === "webchat";
}
