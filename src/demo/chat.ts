/** The demo's outside channel: an HTTP adapter of the bridge, and the phones behind it. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { z } from "zod";
import { decodeStandardWebhooksSecret, signStandardWebhook, verifyStandardWebhook } from "../standard-webhooks";

/** How a customer is to be had: `silent` takes messages and never says that they were seen. */
export type Reach = "online" | "offline" | "silent" | "optedOut";

/** What happens in the chat. `messageId` is Genesys Cloud's. */
export type ChatNews =
  | { type: "shown"; to: string; messageId: string; screen: string }
  | { type: "typing"; to: string; messageId: string }
  | { type: "refused"; to: string; messageId: string; code: string }
  | { type: "confirmed"; to: string; messageId: string }
  | { type: "unheard"; what: string; why: string };

export interface ChatDeps {
  /** Standard Webhooks secret, the same both ways. */
  secret: string;
  reachOf(customerId: string): Reach;
  /** Where the bridge takes this channel's callbacks: `http://…/channels/chat`. */
  callbackUrl(): string;
  tell(news: ChatNews): void;
  now: () => number;
}

const request = z.object({
  type: z.string(),
  deliveryId: z.string(),
  message: z.object({
    genesysMessageId: z.string().nullable(),
    recipient: z.object({ id: z.string() }),
    text: z.string().optional(),
    attachments: z.array(z.object({ mediaType: z.string(), url: z.string().optional() })).optional(),
    template: z.object({ body: z.object({ text: z.string().optional() }).optional() }).optional(),
    elements: z.array(z.looseObject({ quickReply: z.object({ text: z.string() }).optional() })).optional(),
  }),
});
type Delivery = z.infer<typeof request>;

/** Starts the chat on a free port of this machine. */
export async function startChat(deps: ChatDeps) {
  const { secret, reachOf, tell, now } = deps;
  const key = decodeStandardWebhooksSecret(secret);
  /** Answers by `webhook-id`: a repeat gets the first one again, and nobody is shown anything twice. */
  const answered = new Map<string, Answer>();

  const server = createServer((req, res) => {
    handle(req, res).catch(() => answer(res, { status: 500 }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  async function handle(req: IncomingMessage, res: ServerResponse) {
    const body = await buffer(req);
    const verdict = verifyStandardWebhook({ secret: key, headers: req.headers, body, now: new Date(now()) });
    if (!verdict.ok) return answer(res, { status: 401 });
    const known = answered.get(verdict.id);
    if (known) return answer(res, known);
    const delivery = request.parse(JSON.parse(body.toString("utf8")));
    const reply = take(delivery);
    answered.set(verdict.id, reply);
    if (reply.confirms) res.once("finish", () => void confirm(delivery));
    return answer(res, reply);
  }

  /** Shows a message, or says for good why not: a 4xx with one of Genesys Cloud's reason codes. */
  function take({ type, message }: Delivery): Answer {
    const { id: to } = message.recipient;
    const messageId = message.genesysMessageId ?? "";
    if (type === "typing") {
      tell({ type: "typing", to, messageId });
      return { status: 204 };
    }
    const reach = reachOf(to);
    const reason = refusals[reach];
    if (reason) {
      tell({ type: "refused", to, messageId, code: reason.code });
      return { status: 422, body: reason };
    }
    tell({ type: "shown", to, messageId, screen: render(message) });
    return { status: 200, body: { status: "accepted" }, confirms: reach === "online" };
  }

  async function confirm({ deliveryId, message }: Delivery) {
    tell({ type: "confirmed", to: message.recipient.id, messageId: message.genesysMessageId ?? "" });
    const at = new Date(now()).toISOString();
    await post("receipts", `seen-${deliveryId}`, { deliveryId, status: "delivered", at });
  }

  /** Calls the bridge back, signed; the id makes a repeat recognisable. */
  async function post(kind: "receipts" | "messages", id: string, content: object): Promise<unknown> {
    const body = JSON.stringify(content);
    const headers = {
      "content-type": "application/json",
      ...signStandardWebhook({ key, id, at: new Date(now()), body }),
    };
    try {
      const response = await fetch(`${deps.callbackUrl()}/${kind}`, { method: "POST", headers, body });
      if (response.status === 202) return await response.json();
      tell({ type: "unheard", what: kind, why: `answered ${response.status}` });
    } catch {
      tell({ type: "unheard", what: kind, why: "not reached" });
    }
    return undefined;
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/deliver`,
    /** A customer writes; resolves with the bridge's id of the message once it is stored. */
    async write(integration: string, from: { id: string; idType: string; nickname: string }, text: string) {
      const messageId = randomUUID();
      const at = new Date(now()).toISOString();
      const stored = await post("messages", messageId, { integration, messageId, from, text, at });
      return z.object({ id: z.string() }).optional().parse(stored)?.id;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
export type Chat = Awaited<ReturnType<typeof startChat>>;

interface Answer {
  status: number;
  body?: object;
  /** Whether the customer will be seen to have it. */
  confirms?: boolean;
}

const refusals: Partial<Record<Reach, { code: string; message: string }>> = {
  offline: { code: "InvalidDestination", message: "The customer is not online." },
  optedOut: { code: "RecipientOptedOut", message: "The customer wants no messages." },
};

/** What a small screen makes of a message. */
function render({ text, template, attachments = [], elements = [] }: Delivery["message"]): string {
  const words = text ?? template?.body?.text;
  const files = attachments.map(({ mediaType, url }) => `[${mediaType.toLowerCase()} ${url?.split("/").at(-1) ?? ""}]`);
  const buttons = elements.flatMap(({ quickReply }) => (quickReply ? [`(${quickReply.text})`] : []));
  return [words, ...files, ...buttons].filter((part) => part !== undefined).join(" ");
}

function answer(res: ServerResponse, { status, body }: Answer) {
  if (body === undefined) res.writeHead(status).end();
  else res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
