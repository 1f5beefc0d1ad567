/** The webhook bodies of the load, and the settings they meet. */

export const integration = { name: "crash", id: "2655b4c8-6386-5a64-8346-d47fed659046" };
export const signatureSecret = "crash-signature-secret";
export const channelSecret = `whsec_${Buffer.from("a secret of thirty-two bytes ok!").toString("base64")}`;
export const adminToken = "crash-admin-token";

/** A send that gets no answer for this long is tried again. */
export const sendTimeoutMs = 1000;

/** `number` counts the messages of one recipient; a message without one is a typing sign. */
export interface Sent {
  id: string;
  recipient: string;
  number: number;
}

/** The id says whose message it is and which, so that every place that sees it can tell. */
export function nameMessage(recipient: string, number: number): string {
  return `${recipient}:${String(number).padStart(6, "0")}`;
}

export function parseName(id: string): Sent {
  const [recipient = "", number = ""] = id.split(":");
  return { id, recipient, number: Number(number) };
}

export function writeText({ id, recipient, number }: Sent): string {
  return JSON.stringify({
    ...writeEnvelope(id, recipient),
    type: "Text",
    text: `Message ${number} to you, and some words to give it a body: ${"lorem ipsum ".repeat(number % 40)}`,
  });
}

export function writeTyping(id: string, recipient: string): string {
  return JSON.stringify({
    ...writeEnvelope(id, recipient),
    type: "Event",
    events: [{ eventType: "Typing", typing: { type: "On", duration: 5000 } }],
  });
}

function writeEnvelope(id: string, recipient: string) {
  return {
    id,
    channel: {
      id: integration.id,
      platform: "Open",
      type: "Private",
      to: { id: `${recipient}@customers.example`, idType: "Email" },
      from: { nickname: "Harborline", id: integration.id, idType: "Opaque" },
      time: new Date().toISOString(),
      messageId: id,
    },
    originatingEntity: "Human",
    direction: "Outbound",
    conversationId: "cf36d182-0e48-570f-8982-7083bdb6c45b",
  };
}

/** One chat channel, receipts for everything, and a notice by e-mail a second after a message was missed. */
export function writeSettings(adapterUrl: string, smtpUrl: string) {
  return {
    organisations: { main: { requestsPerMinute: 1_000_000 } },
    integrations: [
      {
        ...integration,
        organisation: "main",
        signatureSecrets: [signatureSecret],
        channel: "chat",
        fallback: "missed",
      },
    ],
    channels: {
      chat: {
        type: "http",
        url: adapterUrl,
        secret: channelSecret,
        confirms: "delivered",
        timeoutSeconds: sendTimeoutMs / 1000,
        retry: { firstDelayMs: 50, maxDelayMs: 400 },
      },
      email: { type: "email", smtp: smtpUrl, from: "Harborline <chat@harborline.example>", timeoutSeconds: 5 },
    },
    fallback: {
      // The Genesys Cloud of this test keeps no conversations to look into or to show attributes on.
      missed: {
        undeliveredAfterSeconds: 8,
        graceSeconds: 1,
        steps: [{ channel: "email" }],
        addresses: ["recipient"],
        attributes: "none",
      },
    },
  };
}
