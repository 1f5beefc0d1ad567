/** The one shape of every channel: http, forward, email, sms and those to come. */
import type { Accepts } from "../message/accepts";
import type { AdapterFailure } from "../message/adapter";
import type { Message, Reason } from "../message/message";

export type { Accepts };

/** What one try returned. A refused or unreachable recipient is a value here, never an exception. */
export type Outcome =
  | {
      status: "accepted" | "delivered";
      /** The other side's id of the message, which its later receipts may name. */
      providerMessageId?: string;
      /** The conversation it went into, where Genesys Cloud is the other side. */
      conversationId?: string;
      /** What was answered, for people, without message text: `HTTP 200`, `250 OK`. */
      answer: string;
    }
  | {
      status: "failed";
      /** Whether another try may succeed; decided here, once, from codes. */
      retryable: boolean;
      /** How long the other side asked to be left alone. */
      retryAfterMs?: number;
      /** The message may have gone out all the same, and a repeat could reach the customer twice: never together with `retryable`. */
      uncertain?: true;
      /** Nothing was handed to the other side, so this says nothing about how it is. */
      unsent?: true;
      reason: Reason;
      answer: string;
    };

/** One message to one channel. */
export interface OutboundDelivery {
  /** Stays the same over all attempts: receivers recognise a repeat by it. */
  deliveryId: string;
  /** Counted from 1. */
  attempt: number;
  message: Message;
  /** Present when the message goes out in several parts, counted from 1: `message` is then this part of it. */
  part?: { number: number; count: number };
  /** When it reached the bridge, milliseconds UTC. */
  receivedAt?: number;
  /** The webhook request as it came, for channels that pass the original on. */
  original?: { body: Buffer; headers: Record<string, string> };
  /** Present when this delivery is a notice of missed messages: what to write, and to whom. */
  notice?: NoticeContent;
}

/** A rendered notice. `to` is an e-mail address or an E.164 number. */
export interface NoticeContent {
  to: string;
  subject: string;
  text: string;
  html?: string;
  replyTo?: string;
  /** BCP 47. */
  language?: string;
  /** E-mail: where bounces go, when not to the sender. */
  returnPath?: string;
  /** E-mail: the page of RFC 8058, unsubscribing by one POST. */
  unsubscribeUrl?: string;
  /** What it is sent for; absent: transactional. */
  purpose?: "transactional" | "marketing";
}

/** A send that the other side is asked about. */
export interface HiddenSend {
  to: string;
  /** When it began, milliseconds UTC. */
  sentAt: number;
  /** SHA-256 of the text, base64url. */
  textHash: string;
}

/** `found` says what the other side knows, "never arrived" included; `later`: it could not be asked now. */
export type LookUp = { status: "found"; outcome: Outcome } | { status: "later"; retryAfterMs?: number };

export interface RetryRule {
  /** How long a delivery is tried, counted from its first attempt. */
  maxAgeSeconds: number;
  firstDelayMs: number;
  maxDelayMs: number;
}

export interface Channel {
  /** Its name in the settings. */
  name: string;
  type: string;
  /** Who carries what it sends, where channels of one type differ in that. */
  provider?: "twilio" | "genesys";
  accepts: Accepts;
  /** It hands on the original bytes: messages of every kind go through it, none in parts. */
  handsOnOriginal?: boolean;
  /** The best news this channel can bring. */
  confirms: "accepted" | "delivered" | "read";
  /** Whether a send whose outcome a crash hid may be repeated under the same `deliveryId` without reaching the customer twice. */
  repeatable: boolean;
  timeoutMs: number;
  /** Most sends at once; absent: as many as the worker likes. */
  concurrency?: number;
  retry: RetryRule;
  /** Never throws for what the other side does. */
  send(delivery: OutboundDelivery): Promise<Outcome>;
  /** Shows that somebody is typing: one try, its result is not looked at. Absent: the channel cannot. */
  sendTyping?(delivery: OutboundDelivery): Promise<void>;
  /** Tells that a customer's message, which its adapter brought in, did not get into Genesys Cloud. Absent: nobody is there to be told. */
  tellFailure?(failure: AdapterFailure): Promise<Outcome>;
  /** Finds out what became of a notice whose outcome a crash hid. Absent: the other side cannot be asked. */
  lookUp?(hidden: HiddenSend): Promise<LookUp>;
  close?(): Promise<void>;
}
