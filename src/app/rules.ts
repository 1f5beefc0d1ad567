/** What the settings say about messages, as the decisions need it. */
import type { Channel } from "../channels/channel";
import type { Config, FallbackPolicy, Integration, Organisation } from "../config";
import type { MissedFor } from "../delivery/missed";
import type { FallbackRule, Rules } from "../delivery/rules";

/** The organisation whose Genesys Cloud an integration's messages come from; web messages stand under a name of their own. */
export function createOrganisationOf(config: Config) {
  const organisations = new Map<string, string>();
  for (const { name, webMessaging } of config.organisations) organisations.set(webMessaging.integration, name);
  for (const { name, organisation } of config.integrations) {
    if (organisation !== undefined) organisations.set(name, organisation);
  }
  return (integration: string) => organisations.get(integration);
}

/** Whose messages they are that only Genesys Cloud knows to be missed. */
export function createMissedFor(config: Config) {
  const fallback = (name: string | undefined) => {
    const policy = config.fallback.find((one) => one.name === name);
    return policy === undefined ? undefined : { ...fallbackRule(policy), maxAgeMs: policy.maxAgeMs };
  };
  return {
    webMessaging: ({ webMessaging: { integration, from, ...rest } }: Organisation): MissedFor => ({
      integration: { name: integration, id: "" },
      channel: integration,
      isWebMessaging: true,
      from,
      fallback: fallback(rest.fallback),
    }),
    integration(integrationId: string): MissedFor | undefined {
      const found = config.integrations.find(({ id }) => id === integrationId);
      if (found === undefined) return undefined;
      const { name, id, channel } = found;
      return { integration: { name, id }, channel, isWebMessaging: false, fallback: fallback(found.fallback) };
    },
  };
}

function fallbackRule({ name, never, graceMs, digest }: FallbackPolicy): FallbackRule {
  return { policy: name, never: new Set<string>(never), graceMs, digest };
}

/** What applies to the messages of each integration on each channel; worked out once. */
export function createRules(config: Config) {
  const integrations = new Map(config.integrations.map((one) => [one.name, one]));
  const known = new Map<string, Rules>();
  return function rulesFor(name: string, channel: Channel | undefined): Rules {
    const key = `${name} ${channel?.name ?? ""}`;
    let rules = known.get(key);
    if (rules === undefined) {
      rules = makeRules(config, integrations.get(name), channel);
      known.set(key, rules);
    }
    return rules;
  };
}

function makeRules(config: Config, integration: Integration | undefined, channel: Channel | undefined): Rules {
  if (channel?.type === "genesys") return inboundRules(channel);
  const policy = config.fallback.find((one) => one.name === integration?.fallback);
  return {
    confirms: channel?.confirms ?? "accepted",
    retry: channel?.retry ?? { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 },
    repeatable: channel?.repeatable ?? true,
    undeliveredAfterMs: integration?.undeliveredAfterMs ?? 86_400_000,
    receipts: integration?.receipts ?? "none",
    acceptedCountsAsDelivered: integration?.acceptedCountsAsDelivered ?? false,
    onUnconfirmed: integration?.onUnconfirmed ?? "none",
    ...(integration?.organisation === undefined ? {} : { organisation: integration.organisation }),
    ...(policy === undefined ? {} : { fallback: fallbackRule(policy) }),
    ...(channel?.type === "email" || channel?.type === "sms" ? { consentClass: channel.type } : {}),
  };
}

/** Nobody is owed a receipt or a notice for what a customer sent; its adapter is told when it fails. */
function inboundRules({ confirms, retry, repeatable }: Channel): Rules {
  return {
    confirms,
    retry,
    repeatable,
    undeliveredAfterMs: 0,
    receipts: "none",
    acceptedCountsAsDelivered: false,
    onUnconfirmed: "none",
    inbound: true,
  };
}
