/** Every channel that can be named in the settings. */
import type { Agentless } from "./agentless";
import { type AgentlessEmailSettings, createAgentlessEmail } from "./agentless-email";
import { type AgentlessSmsSettings, createAgentlessSms } from "./agentless-sms";
import type { Channel } from "./channel";
import { createEmailChannel, type EmailChannelSettings } from "./email";
import { createForwardChannel, type ForwardChannelSettings } from "./forward";
import { createHttpChannel, type HttpChannelSettings } from "./http";
import { createSmsChannel, type SmsChannelSettings } from "./sms";
import { createTelegramChannel, type TelegramChannelSettings } from "./telegram";

export type ChannelSettings =
  | ({ type: "http" } & HttpChannelSettings)
  | ({ type: "forward" } & ForwardChannelSettings)
  | ({ type: "email"; provider?: "smtp" } & EmailChannelSettings)
  | ({ type: "email"; provider: "genesys" } & AgentlessEmailSettings)
  | ({ type: "sms"; provider?: "twilio" } & SmsChannelSettings)
  | ({ type: "sms"; provider: "genesys" } & AgentlessSmsSettings)
  | ({ type: "telegram" } & TelegramChannelSettings);

export interface ChannelDeps {
  now: () => Date;
  /** An organisation's Genesys Cloud, for the channels that it carries; absent: none can be reached. */
  agentlessOf?: (organisation: string) => Agentless | undefined;
}

/**
 * Makes the channel of that type.
 *
 * @throws BridgeError `invalid_field` for a secret that is none
 */
export function createChannel(settings: ChannelSettings, deps: ChannelDeps): Channel {
  const { agentlessOf = () => undefined } = deps;
  switch (settings.type) {
    case "http":
      return createHttpChannel(settings, deps);
    case "forward":
      return createForwardChannel(settings, deps);
    case "email":
      return settings.provider === "genesys"
        ? createAgentlessEmail(settings, { agentlessOf })
        : createEmailChannel(settings, deps);
    case "sms":
      return settings.provider === "genesys"
        ? createAgentlessSms(settings, { ...deps, agentlessOf })
        : createSmsChannel(settings);
    case "telegram":
      return createTelegramChannel(settings);
    default:
      return settings satisfies never;
  }
}
