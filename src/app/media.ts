/** Attachments: the copies that are kept of them, and what each channel is given. */
import { resolve as toAbsolute } from "node:path";
import type { Config } from "../config";
import type { GenesysClient } from "../genesys/client";
import { ownsUrl } from "../genesys/regions";
import { createMedia, type MediaRule, mediaTimeoutMs, needsMedia } from "../media/media";
import { hasPrivateHost } from "../media/private-address";
import { createRemote } from "../media/remote";
import { createShelf, type Shelf } from "../media/shelf";
import type { Message } from "../message/message";
import type { BridgeOptions } from "./options";

const dayMs = 86_400_000;
/** Long enough for an adapter that shows them by their link. */
const longestKeptMs = 7 * dayMs;
const mostKeptBytes = 1_073_741_824;

/** Copies live a week, and no longer than the text of messages, within a gigabyte. */
export function openShelf({ dataDirectory, retention }: Config, now: () => number): Shelf {
  const keepMs = Math.min(longestKeptMs, retention.textDays * dayMs);
  return createShelf({ directory: toAbsolute(dataDirectory, "media"), keepMs, maxBytes: mostKeptBytes, now });
}

/** What channels are given of attachments: rules by channel, and the files of which the bridge serves a copy. */
export function createMediaParts(
  { config, adminToken, now = Date.now }: BridgeOptions,
  clientOf: (organisation: string) => GenesysClient | undefined,
) {
  const shelf = openShelf(config, now);
  const localGateways = config.organisations.flatMap(({ gatewayUrl }) =>
    gatewayUrl !== undefined && hasPrivateHost(gatewayUrl) ? [new URL(gatewayUrl).origin] : [],
  );
  const remote = createRemote({ trustedOrigins: localGateways });
  const organisations = new Map(config.organisations.map((one) => [one.name, one]));
  const organisationOf = new Map(config.integrations.map((one) => [one.name, one.organisation]));
  const prepare = createMedia({
    remote,
    shelf,
    publicUrl: config.publicUrl,
    linkKey: adminToken,
    sourceOf(integration) {
      const organisation = organisations.get(organisationOf.get(integration) ?? "");
      const client = organisation && clientOf(organisation.name);
      return organisation && client && { owns: (url) => ownsUrl(url, organisation), token: client.token };
    },
  });
  const rules = new Map<string, MediaRule>(
    config.channels.map(({ name, media: mode, accepts }) => [
      name,
      { mode, maxBytes: accepts?.mediaBytes, mediaTypes: accepts?.mediaTypes },
    ]),
  );
  const ruleOf = (channel: string): MediaRule => rules.get(channel) ?? { mode: "pass" };
  return {
    shelf,
    isDue: (message: Message, channel: string) => needsMedia(message, ruleOf(channel)),
    prepare: (message: Message, channel: string) => prepare(message, ruleOf(channel)),
    async discard({ id }: Message) {
      await shelf.removeOf([id]);
    },
    timeoutMs: mediaTimeoutMs,
    close: remote.close,
  };
}
