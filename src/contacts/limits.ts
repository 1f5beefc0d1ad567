/** How often codes may be sent: what keeps others' addresses from being flooded and phone bills small. Pure. */

export interface CodeLimits {
  /** To one address. */
  perAddressPerHour: number;
  /** For one conversation. */
  perConversationPerDay: number;
  /** Over all, for e-mail and for SMS each. */
  perDay: number;
  /** ISO 3166 codes of the countries that codes go to by SMS; none: no SMS. */
  countries: readonly string[];
}

/** Codes asked for so far, those that were held back not counted. */
export interface CodeCounts {
  ofAddressInHour: number;
  ofConversationInDay: number;
  ofChannelInDay: number;
}

export type Withheld = "country" | "address" | "conversation" | "day";

/** Why a code is not to be sent; undefined when it is. Whoever asked is told the same either way. */
export function findLimit(
  send: { channel: "email" | "sms"; country?: string | undefined },
  counts: CodeCounts,
  limits: CodeLimits,
): Withheld | undefined {
  if (send.channel === "sms" && (send.country === undefined || !limits.countries.includes(send.country)))
    return "country";
  if (counts.ofAddressInHour >= limits.perAddressPerHour) return "address";
  if (counts.ofConversationInDay >= limits.perConversationPerDay) return "conversation";
  return counts.ofChannelInDay >= limits.perDay ? "day" : undefined;
}
