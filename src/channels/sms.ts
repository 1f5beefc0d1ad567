/** The channel to Twilio: notices by SMS, and messages of integrations whose customers are phone numbers. */
import { createHash } from "node:crypto";
import type { Twilio } from "twilio";
import type { Accepts, Channel, HiddenSend, LookUp, Outcome, RetryRule } from "./channel";
import { writeSms } from "./sms-content";
import { judgeTwilioFailure, judgeTwilioMessage, type TwilioFailure } from "./sms-outcome";
import { countSegments } from "./sms-segments";

export interface SmsChannelSettings {
  name: string;
  twilio: {
    accountSid: string;
    authToken: string;
    /** A number or sender id; a messaging service goes before it. */
    from?: string | undefined;
    messagingServiceSid?: string | undefined;
    /** In place of https://api.twilio.com. */
    baseUrl?: string | undefined;
  };
  /** Where Twilio reports what became of a message; absent: it does not, and `accepted` is the best news. */
  statusUrl?: string | undefined;
  timeoutMs: number;
  retry: RetryRule;
  accepts?: Partial<Accepts> | undefined;
}

/** Twilio takes 1600 characters in one message. */
const longestText = 1600;
/** Sends at once; Twilio queues what a number cannot carry, but bounds requests at the same time. */
const atOnce = 8;
/** Twilio's clock, in whole seconds, and ours. */
const clockSlackMs = 5000;
const trialPrefix = "Sent from your Twilio trial account - ";

/** Makes the channel. The SDK is large, so it is loaded with the first send. */
export function createSmsChannel(settings: SmsChannelSettings): Channel {
  const { twilio, timeoutMs, statusUrl } = settings;
  let opened: Promise<Twilio> | undefined;
  let closed = false;

  function open(): Promise<Twilio> {
    opened ??= import("twilio").then(({ default: createClient }) => {
      // The bridge retries itself: the SDK's own retries would be invisible.
      const httpClient = new createClient.RequestClient({ timeout: timeoutMs, autoRetry: false, keepAlive: true });
      const client = createClient(twilio.accountSid, twilio.authToken, { httpClient, autoRetry: false });
      if (twilio.baseUrl !== undefined) client.api.baseUrl = twilio.baseUrl.replace(/\/+$/, "");
      return client;
    });
    return opened;
  }

  async function create(to: string, body: string, deliveryId: string): Promise<Outcome> {
    const { from, messagingServiceSid } = twilio;
    const sender = messagingServiceSid === undefined ? { from } : { messagingServiceSid };
    const callback = statusUrl === undefined ? {} : { statusCallback: withDelivery(statusUrl, deliveryId) };
    try {
      const client = await open();
      const message = await client.messages.create({ to, body, ...sender, ...callback });
      const { encoding, segments } = countSegments(body);
      return { status: "accepted", providerMessageId: message.sid, answer: `HTTP 201, ${segments} × ${encoding}` };
    } catch (error) {
      return judgeTwilioFailure(error as TwilioFailure);
    }
  }

  return {
    name: settings.name,
    type: "sms",
    provider: "twilio",
    accepts: { kinds: ["text"], textLength: longestText, mediaTypes: [], buttons: 0, ...settings.accepts },
    confirms: statusUrl === undefined ? "accepted" : "delivered",
    repeatable: false,
    timeoutMs,
    retry: settings.retry,
    concurrency: atOnce,

    async send(delivery) {
      if (closed) return stopped;
      const { to, text } = writeSms(delivery);
      if (to === undefined) return refuse("InvalidDestination", "The recipient is no phone number.");
      if (text.trim() === "") return refuse("UnsupportedMessage", "The message holds nothing that an SMS can show.");
      return create(to, text, delivery.deliveryId);
    },

    async lookUp({ to, sentAt, textHash }: HiddenSend): Promise<LookUp> {
      try {
        const client = await open();
        // Those not sent yet have no date of sending: the newest are read and compared by when they were made.
        const messages = await client.messages.list({ to, limit: 50 });
        const ours = messages.find(
          ({ body, dateCreated }) => dateCreated.getTime() >= sentAt - clockSlackMs && hashes(body).includes(textHash),
        );
        return { status: "found", outcome: ours === undefined ? neverArrived : judgeTwilioMessage(ours) };
      } catch {
        return { status: "later" };
      }
    },

    async close() {
      closed = true;
    },
  };
}

/** A report may come before our own record: it says itself which delivery it speaks of. */
function withDelivery(statusUrl: string, deliveryId: string): string {
  const url = new URL(statusUrl);
  url.searchParams.set("delivery", deliveryId);
  return url.href;
}

function hashes(body: string): string[] {
  const plain = body.startsWith(trialPrefix) ? body.slice(trialPrefix.length) : body;
  return [body, plain].map((text) => createHash("sha256").update(text).digest("base64url"));
}

const neverArrived: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "Twilio never got the message." },
  answer: "Twilio does not know it",
};

const stopped: Outcome = {
  status: "failed",
  retryable: true,
  reason: { code: "ServerError", message: "The bridge is stopping." },
  answer: "not sent",
};

function refuse(code: "InvalidDestination" | "UnsupportedMessage", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}
