/** A channel adapter as somebody else would write it: checks and makes signatures with the reference library. */
import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { type Answer, answerWith, startLocalServer } from "../channels/local-server";

export interface Delivered {
  type: string;
  deliveryId: string;
  attempt: number;
  message: { id: string; kind: string; genesysMessageId: string | null; recipient: { id: string }; text?: string };
  notice?: { to: string; subject: string; text: string };
}

export interface Call {
  at: number;
  webhookId: string;
  body: Delivered;
}

/** Answers one delivery; `accepted` and `refused` make the usual answers. */
export type Respond = (delivered: Delivered) => Answer;

export const accepted = (providerMessageId?: string) => answerWith(200, { status: "accepted", providerMessageId });
export const delivered = (providerMessageId?: string) => answerWith(200, { status: "delivered", providerMessageId });
export const refused = (code: string, message = "refused") => answerWith(400, { code, message });

export async function startAdapter(secret: string, now: () => number = Date.now) {
  const webhook = new Webhook(secret);
  const calls: Call[] = [];
  let respond: Respond = () => accepted();
  const server = await startLocalServer((response, received, request) => {
    const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = received.headers;
    const text = received.body.toString("utf8");
    const expected = webhook.sign(String(id), new Date(Number(timestamp) * 1000), text);
    if (signature !== expected) {
      answerWith(401)(response, received, request);
      return;
    }
    const body = JSON.parse(text) as Delivered;
    calls.push({ at: now(), webhookId: String(id), body });
    respond(body)(response, received, request);
  });

  return {
    url: server.url,
    /** Every correctly signed call, in order. */
    calls,
    /** Those that deliver a message. */
    deliveries: () => calls.filter(({ body }) => body.type === "message.outbound"),
    respond(next: Respond): void {
      respond = next;
    },
    /** Signs a call to the bridge. */
    sign(body: unknown, id: string = randomUUID()): { headers: Record<string, string>; text: string } {
      const text = JSON.stringify(body);
      const at = new Date(now());
      return {
        text,
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
          "webhook-signature": webhook.sign(id, at, text),
        },
      };
    },
    stop: server.stop,
  };
}
export type Adapter = Awaited<ReturnType<typeof startAdapter>>;
