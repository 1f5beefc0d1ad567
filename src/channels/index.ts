/** Every channel that can be named in the settings. */
import type { Channel } from "./channel";
import { createEmailChannel, type EmailChannelSettings } from "./email";
import { createForwardChannel, type ForwardChannelSettings } from "./forward";
import { createHttpChannel, type HttpChannelSettings } from "./http";
import { createSmsChannel, type SmsChannelSettings } from "./sms";
import { createTelegramChannel, type TelegramChannelSettings } from "./telegram";

export type ChannelSettings =
  | ({ type: "http" } & HttpChannelSettings)
  | ({ type: "forward" } & ForwardChannelSettings)
  | ({ type: "email" } & EmailChannelSettings)
  | ({ type: "sms" } & SmsChannelSettings)
  | ({ type: "telegram" } & TelegramChannelSettings);

/**
 * Makes the channel of that type.
 *
 * @throws BridgeError `invalid_field` for a secret that is none
 */
export function createChannel(settings: ChannelSettings, deps: { now: () => Date }): Channel {
  switch (settings.type) {
    case "http":
      return createHttpChannel(settings, deps);
    case "forward":
      return createForwardChannel(settings, deps);
    case "email":
      return createEmailChannel(settings, deps);
    case "sms":
      return createSmsChannel(settings);
    case "telegram":
      return createTelegramChannel(settings);
    default:
      return settings satisfies never;
  }
}
