/** Channels that Genesys Cloud carries without an agent: what they need, what they cannot, and who else must not be asked for it. */
import { splitMailbox } from "../message/address";
import { nameOrganisations } from "./build";
import type { Given } from "./environment";
import type { Outline } from "./links";
import { describeFound, formatPath, type Problem } from "./problem";

type OutlineOfChannel = Outline["channels"][string];

/** The longest that Genesys Cloud takes: before the @, and as name. */
const longestPart = 64;

/** Settings that belong to another carrier than the channel's, and marketing over one that cannot carry it. */
export function checkCarriers(settings: Outline): Problem[] {
  return [
    ...Object.entries(settings.channels).flatMap(([name, channel]) => checkStrayKeys(name, channel)),
    ...Object.keys(settings.fallback).flatMap((policy) => checkMarketing(settings, policy)),
  ];
}

function checkStrayKeys(name: string, channel: OutlineOfChannel): Problem[] {
  const { type, provider } = channel;
  if (type !== "email" && type !== "sms") return [];
  const isAgentless = provider === "genesys";
  const email = isAgentless ? (["smtp", "returnPath", "bounces", "dkim"] as const) : (["organisation"] as const);
  const sms = isAgentless ? [] : (["organisation", "from"] as const);
  const allowed = `nothing, ${isAgentless ? "as" : "unless"} the provider is genesys`;
  return (type === "email" ? email : sms).flatMap((key) => {
    const path = ["channels", name, key];
    return channel[key] === undefined
      ? []
      : [{ path: formatPath(path), found: describeFound(channel[key], path), allowed }];
  });
}

/** Marketing mail needs the header List-Unsubscribe (RFC 8058), which agentless e-mail has no place for. */
function checkMarketing({ channels, fallback }: Outline, policy: string): Problem[] {
  const { purpose, steps = [] } = fallback[policy] ?? {};
  if (purpose !== "marketing") return [];
  return steps.flatMap((step, index) =>
    (["channel", "backup"] as const).flatMap((key) => {
      const used = step[key];
      const channel = used !== undefined && Object.hasOwn(channels, used) ? channels[used] : undefined;
      if (channel?.type !== "email" || channel.provider !== "genesys") return [];
      const path = ["fallback", policy, "steps", index, key];
      const found = `${describeFound(used, path)}, which is agentless e-mail`;
      return [{ path: formatPath(path), found, allowed: "another channel, as the purpose is marketing" }];
    }),
  );
}

/** What a channel that is used has to have. */
export function checkAgentless(
  settings: Outline,
  name: string,
  channel: OutlineOfChannel,
  user: string,
  given: Given,
): Problem[] {
  const problems: Problem[] = [];
  const miss = (key: string, found: string, allowed: string) =>
    problems.push({ path: formatPath(["channels", name, key]), found, allowed: `${allowed}, for ${user}` });
  const hasOrganisation = nameOrganisations(Object.keys(settings.organisations), given).length > 0;
  if (channel.organisation === undefined && !hasOrganisation)
    miss("organisation", "nothing", "one described in organisations, or the OAuth client and region in variables");
  if (channel.type === "sms") {
    if (channel.from === undefined) miss("from", "nothing", "a number of the organisation, such as +43123456789");
    return problems;
  }
  const from = channel.from ?? given.MAIL_FROM;
  if (from === undefined) miss("from", "nothing", "an address here or in MAIL_FROM");
  else if (typeof from === "string" && !fits(from)) {
    const found = describeFound(from, ["channels", name, "from"]);
    miss("from", found, `at most ${longestPart} characters before the @ and in the name`);
  }
  return problems;
}

function fits(mailbox: string): boolean {
  const { email, name = "" } = splitMailbox(mailbox);
  return email.lastIndexOf("@") <= longestPart && name.length <= longestPart;
}
