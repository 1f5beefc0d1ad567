/** `POST /twilio/status` and `/twilio/inbound`: what became of an SMS, and what customers answer. Verified, stored, then answered. */
import express, { type Request, type Router } from "express";
import { BridgeError } from "../errors";
import { type Keyword, readKeyword } from "../message/consent";
import { readTwilioCode, readTwilioStatus, type TwilioInbound, twilioInbound, twilioStatus } from "../message/twilio";
import type { Callback } from "../store/callbacks";
import { verifyTwilioSignature } from "./twilio-signature";

export interface TwilioDeps {
  authToken: string;
  /** Where Twilio reaches this bridge, without a slash at its end: its signature covers it. */
  publicUrl: string;
  /** The names of the channels that send through Twilio. */
  channels: readonly string[];
  /** Resolves once the callback is on disk. */
  saveReport(callback: Callback): Promise<void>;
  /** Notes what the keyword asks for; resolves once it is on disk. */
  saveKeyword(keyword: Keyword, sms: TwilioInbound): Promise<void>;
  /** Takes any other answer of a customer; returns what to answer at once, if anything. */
  takeReply(sms: TwilioInbound): Promise<string | undefined>;
  now: () => number;
}

const longestForm = 100_000;

export function twilioRoutes(deps: TwilioDeps): Router {
  const router = express.Router();
  const raw = express.raw({ type: () => true, inflate: false, limit: longestForm });

  router.post("/twilio/status", raw, async (req, res) => {
    const form = readForm(deps, req);
    const { MessageSid, MessageStatus, ErrorCode } = parse(twilioStatus, form);
    const status = readTwilioStatus(MessageStatus);
    const channel = String(req.query.channel ?? deps.channels[0]);
    if (!deps.channels.includes(channel)) throw new BridgeError("not_found", "no channel of this name uses Twilio");
    if (status !== undefined) {
      const deliveryId = typeof req.query.delivery === "string" ? { deliveryId: req.query.delivery } : {};
      const reason = status === "failed" ? { reason: readTwilioCode(ErrorCode) } : {};
      await deps.saveReport({
        channel,
        kind: "receipts",
        webhookId: `${MessageSid}:${MessageStatus.toLowerCase()}`.slice(0, 500),
        receivedAt: deps.now(),
        body: JSON.stringify({ providerMessageId: MessageSid, ...deliveryId, status, ...reason }),
      });
    }
    res.status(204).end();
  });

  router.post("/twilio/inbound", raw, async (req, res) => {
    const sms = parse(twilioInbound, readForm(deps, req));
    const keyword = sms.OptOutType ?? readKeyword(sms.Body);
    const reply = keyword === undefined ? await deps.takeReply(sms) : void (await deps.saveKeyword(keyword, sms));
    res.type("text/xml").send(writeTwiml(reply));
  });

  return router;
}

/** The form as it was signed. Throws `unauthorized`. */
function readForm({ authToken, publicUrl }: TwilioDeps, req: Request): URLSearchParams {
  const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  const form = new URLSearchParams(body.toString("utf8"));
  const url = `${publicUrl}${req.originalUrl}`;
  const signature = req.headers["x-twilio-signature"];
  if (!verifyTwilioSignature({ authToken, url, form, signature }))
    throw new BridgeError("unauthorized", "X-Twilio-Signature does not belong to this request");
  return form;
}

function parse<Parsed>(
  schema: { safeParse(value: unknown): { data?: Parsed; error?: { issues: { path: PropertyKey[] }[] } } },
  form: URLSearchParams,
): Parsed {
  const { data, error } = schema.safeParse(Object.fromEntries(form));
  if (data !== undefined) return data;
  const field = error?.issues[0]?.path.map(String).join(".");
  throw new BridgeError("invalid_field", "this is no form of Twilio's", field);
}

function writeTwiml(reply: string | undefined): string {
  const escaped = reply?.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const message = escaped === undefined ? "" : `<Message>${escaped}</Message>`;
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${message}</Response>`;
}
