/** What telling customers of missed messages needs from the rest. */
import type { Channel } from "../channels/channel";
import type { KnownAddresses } from "../fallback/addresses";
import type { NoticePolicy } from "../fallback/policy";
import type { Message } from "../message/message";
import type { KeptBody } from "../store/captures";
import type { Database } from "../store/database";

/** Whose contact is looked up: the conversation of a missed message. */
export interface ContactQuestion {
  integration: string;
  conversationId: string | null;
  recipient: { id: string; idType: string };
}

/** What Genesys Cloud said of a contact; `later`: it could not be asked now. */
export type ContactAnswer =
  | { status: "done"; contact: KnownAddresses }
  | { status: "later"; retryAfterMs?: number | undefined };

export interface NoticeDeps {
  database: Database;
  policyOf(name: string): NoticePolicy | undefined;
  channelOf(name: string): Channel | undefined;
  /** The organisation whose agents see what became of the notice; undefined: nobody does. */
  organisationOf(integration: string): string | undefined;
  lookUpContact(question: ContactQuestion): Promise<ContactAnswer>;
  understand(capture: KeptBody): Message;
  /** Where customers reach this bridge, without a slash at its end; undefined: notices carry no links to it. */
  publicUrl: string | undefined;
  /** Where mails of this channel come back to; undefined: to their sender. */
  returnPathOf(channel: string): string | undefined;
  persist<T>(write: () => Promise<T>): Promise<T>;
  now: () => number;
  random: () => number;
  log: {
    noticeSent(facts: {
      policy: string;
      noticeId: string;
      channel: string;
      count: number;
      status: string;
      attempt: number;
      durationMs: number;
    }): void;
    noticesBraked(facts: { policy: string; count: number; waitMs: number }): void;
    templateFailed(facts: { policy: string; noticeId: string; kind: string }): void;
  };
}
