/** The channels of the settings. */
import type { Agentless } from "../channels/agentless";
import type { Channel } from "../channels/channel";
import { type ChannelSettings, createChannel } from "../channels/index";
import { type ChannelProfile, channelProfiles } from "../channels/profiles";
import type { ChannelConfig, Config } from "../config";
import { deliverableKinds } from "../message/message";

/** Where mails that come back go, by channel. */
export function listReturnPaths(config: Config) {
  return config.channels.flatMap((channel) =>
    channel.type === "email" && channel.returnPath !== undefined
      ? [{ channel: channel.name, returnPath: channel.returnPath }]
      : [],
  );
}

/** Every channel of the settings that can be used, by name; those that Genesys Cloud carries send through `agentlessOf`. */
export function openChannels(
  config: Config,
  now: () => number,
  agentlessOf?: (organisation: string) => Agentless | undefined,
): Map<string, Channel> {
  const channels = new Map<string, Channel>();
  for (const channel of config.channels) {
    const settings = channelSettings(channel);
    const deps = { now: () => new Date(now()), ...(agentlessOf === undefined ? {} : { agentlessOf }) };
    if (settings !== undefined) channels.set(channel.name, createChannel(settings, deps));
  }
  return channels;
}

function channelSettings(channel: ChannelConfig): ChannelSettings | undefined {
  const accepts = channel.accepts && {
    ...channel.accepts,
    kinds: channel.accepts.kinds ?? [...deliverableKinds, "typing" as const],
  };
  switch (channel.type) {
    case "http":
      return accepts === undefined ? { ...channel, accepts: undefined } : { ...channel, accepts };
    case "forward":
    case "email":
    case "sms":
    case "telegram":
      return channel;
    case "webchat":
      return undefined;
    default:
      return channel satisfies never;
  }
}

/** The channels that something can be sent through, by name. */
export function listServed({ channels }: Config): string[] {
  return channels.filter((channel) => channelSettings(channel) !== undefined).map(({ name }) => name);
}

export type { ChannelProfile };

/** What each configured channel can show; without settings, each type of channel. */
export function listChannelProfiles(config: Config | undefined): readonly ChannelProfile[] {
  if (config === undefined || config.channels.length === 0) return channelProfiles;
  return config.channels.map((one) => {
    const settings = channelSettings(one);
    const { name, type } = one;
    if (settings !== undefined) {
      const { accepts, handsOnOriginal = false } = createChannel(settings, { now: () => new Date() });
      return { name, type, accepts, handsOnOriginal };
    }
    const general = channelProfiles.find((profile) => profile.type === type);
    return { name, type, accepts: general?.accepts ?? { kinds: deliverableKinds } };
  });
}
