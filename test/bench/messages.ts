/** The webhook requests of a load: text messages of 1 KB with ids that count up, spread over recipients, signed. */
import { signBody } from "../../src/webhook/signature";

export const integration = { name: "bench", id: "2655b4c8-6386-5a64-8346-d47fed659046" };
export const signatureSecret = "bench-signature-secret";
export const webhookPath = `/genesys/${integration.name}/outbound`;

/** The id of message `number`: {@link readNumber} finds it in whatever carries it. */
const idPrefix = "omb-load-";
const digits = 9;

const recipients = 500;
const bodyBytes = 1024;

/** A whole HTTP/1.1 request, ready for a socket. @param sentMs when Genesys Cloud says it was sent */
export function writeRequest(number: number, host: string, sentMs = Date.now()): Buffer {
  const body = writeBody(number, sentMs);
  const head =
    `POST ${webhookPath} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\nX-Hub-Signature-256: ${signBody(body, signatureSecret)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function writeBody(number: number, sentMs: number): Buffer {
  const id = idPrefix + String(number).padStart(digits, "0");
  const message = {
    id,
    channel: {
      id: integration.id,
      platform: "Open",
      type: "Private",
      to: { id: `customer-${number % recipients}`, idType: "Opaque" },
      from: { nickname: "Harborline Chat", id: integration.id, idType: "Opaque" },
      time: new Date(sentMs).toISOString(),
      messageId: id,
    },
    type: "Text",
    text: "",
    originatingEntity: "Human",
    direction: "Outbound",
    conversationId: "cf36d182-0e48-570f-8982-7083bdb6c45b",
  };
  const missing = bodyBytes - Buffer.byteLength(JSON.stringify(message));
  return Buffer.from(JSON.stringify({ ...message, text: "x".repeat(missing) }));
}

/** The number of the message that these bytes speak of; undefined when it is none of ours. */
export function readNumber(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(idPrefix);
  if (at < 0) return undefined;
  const start = at + idPrefix.length;
  return Number(bytes.toString("latin1", start, start + digits));
}

/** Microseconds on a clock that all processes of this machine share. */
export function clock(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
