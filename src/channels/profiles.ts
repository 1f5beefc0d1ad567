/** What each type of channel can show when its settings narrow nothing: for an explanation without settings. */
import type { Accepts } from "../message/accepts";
import { deliverableKinds } from "../message/message";
import { mailShows } from "./mail-content";
import { telegramShows } from "./telegram";

export interface ChannelProfile {
  name: string;
  type: string;
  accepts: Accepts;
  /** Hands on the webhook as it came. */
  handsOnOriginal?: boolean;
}

export const channelProfiles: readonly ChannelProfile[] = [
  { name: "http", type: "http", accepts: { kinds: deliverableKinds, typing: true } },
  { name: "forward", type: "forward", accepts: { kinds: deliverableKinds, typing: true }, handsOnOriginal: true },
  { name: "telegram", type: "telegram", accepts: telegramShows },
  { name: "email", type: "email", accepts: mailShows },
  { name: "sms", type: "sms", accepts: { kinds: ["text"] } },
];
