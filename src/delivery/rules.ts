/** What the settings say about a message of one integration on one channel; all that the decisions need to know. */
import type { RetryRule } from "../channels/channel";
import type { AddressClass } from "../message/address";

export interface Rules {
  /** The best news the channel can bring. */
  confirms: "accepted" | "delivered" | "read";
  retry: RetryRule;
  /** Whether a send that a crash hid may be repeated. */
  repeatable: boolean;
  /** How long after `accepted` a confirmation may take. */
  undeliveredAfterMs: number;
  receipts: "all" | "failures" | "none";
  acceptedCountsAsDelivered: boolean;
  onUnconfirmed: "none" | "fail";
  /** The organisation whose Genesys Cloud gets the receipts; undefined: there is none to tell. */
  organisation?: string;
  fallback?: FallbackRule;
  /** What a recipient who opts out of the channel does not want any more; absent: that is known of the channel alone. */
  consentClass?: AddressClass;
  /**
   * A customer's message on its way into Genesys Cloud: the id it gets there is its `genesysMessageId`, a failure counts even
   * after it was accepted, and the adapter that brought it is told.
   */
  inbound?: true;
}

/** The part of a fallback policy that decides whether a notice is due. */
export interface FallbackRule {
  policy: string;
  never: ReadonlySet<string>;
  graceMs: number;
  /** One notice for all that a recipient missed, or one for each message. */
  digest: boolean;
}
