/** What an SMS says, and to which number. Pure. */
import { parsePhoneNumberFromString } from "libphonenumber-js";
import type { OutboundDelivery } from "./channel";

export interface SmsContent {
  /** E.164; undefined when the recipient is no phone number. */
  to: string | undefined;
  /** Empty when a message holds nothing that an SMS can show. */
  text: string;
}

export function writeSms({ message, notice }: OutboundDelivery): SmsContent {
  if (notice !== undefined) return { to: readNumber(notice.to), text: notice.text };
  const lines = "text" in message ? [message.text ?? ""] : [];
  const links = "attachments" in message ? (message.attachments ?? []).map(({ url }) => url ?? "") : [];
  return { to: readNumber(message.recipient.id), text: [...lines, ...links].filter((line) => line !== "").join("\n") };
}

/** In E.164. Customers' ids come from strangers: only a possible number, with its country code, is one. */
export function readNumber(text: string): string | undefined {
  const number = parsePhoneNumberFromString(text);
  return number?.isPossible() === true ? number.number : undefined;
}
