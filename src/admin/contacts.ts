/** `/api/v1/contacts/…`: who a customer is. Bot flows ask for a code and bring it back; operators look up and merge. */
import express, { type RequestHandler, type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import type { JournalItem } from "../store/contact-journal";
import { parseQuery } from "./messages";

/** What customers are known by; exactly one of them. */
export interface CustomerClaim {
  email?: string | undefined;
  phone?: string | undefined;
  externalId?: string | undefined;
}

export interface ContactsDesk {
  /** Takes a customer's word for who they are: a code goes out, or none is needed. Throws BridgeError for what cannot be. */
  take(
    claim: CustomerClaim & { conversationId: string; integration?: string | undefined },
  ): Promise<{ status: "codeSent"; expiresAt: string } | { status: "accepted" }>;
  verify(about: { conversationId: string; code: string }): Promise<"verified" | "wrong" | "expired">;
  /** As an operator wants it, at once and without a code. */
  resolve(
    claim: CustomerClaim & { conversationId: string; organisation?: string | undefined },
  ): Promise<{ outcome: string; contactId: string | null; answer: string }>;
  lookUp(claim: CustomerClaim & { organisation?: string | undefined }): Promise<Record<string, unknown> | null>;
  merge(request: {
    contactIds: readonly string[];
    organisation?: string | undefined;
    mergeCurated?: boolean | undefined;
  }): Promise<{ outcome: string; contactId: string | null; answer: string }>;
  journal(filter: {
    contactId?: string | undefined;
    conversationId?: string | undefined;
    limit: number;
  }): Promise<JournalItem[]>;
}

export interface ContactRoutesDeps {
  desk: ContactsDesk;
  /** Lets bot flows through, by the event token, and operators. */
  flow: RequestHandler;
  admin: RequestHandler;
}

const id = z.string().regex(/^[\w.:@+-]{1,200}$/, "an id of letters, digits and . : @ + -");
const claim = {
  email: z.string().optional(),
  phone: z.string().optional(),
  externalId: z.string().optional(),
};
const taken = z.strictObject({ ...claim, conversationId: id, integration: z.string().optional() });
const verified = z.strictObject({
  conversationId: id,
  // A flow that takes a code for a number loses the zeros it begins with.
  code: z.union([
    z.string().min(1).max(40),
    z
      .int()
      .nonnegative()
      .transform((number) => String(number).padStart(6, "0")),
  ]),
});
const organisation = z.string().optional();
const resolved = z.strictObject({ ...claim, conversationId: id, organisation });
const lookedUp = z.strictObject({ ...claim, organisation });
const merged = z.strictObject({
  contactIds: z.array(id).min(2, "at least two contacts are expected").max(25, "at most 25 contacts can be merged"),
  organisation,
  mergeCurated: z.boolean().optional(),
});
const journalQuery = z.strictObject({
  contact: z.string().optional(),
  conversation: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

/** To be mounted ahead of what asks for the admin token: two of the routes take the event token as well. */
export function contactRoutes({ desk, flow, admin }: ContactRoutesDeps): Router {
  const router = express.Router();
  const json = express.json({ type: () => true, limit: "64kb", inflate: false });

  router.post("/contacts/resolve", flow, json, async (req, res) => {
    res.status(202).json(await desk.take(parseQuery(taken, readBody(req.body))));
  });

  router.post("/contacts/verify", flow, json, async (req, res) => {
    res.json({ status: await desk.verify(parseQuery(verified, readBody(req.body))) });
  });

  router.post("/contacts/attach", admin, json, async (req, res) => {
    res.json(await desk.resolve(parseQuery(resolved, readBody(req.body))));
  });

  router.post("/contacts/lookup", admin, json, async (req, res) => {
    res.json({ contact: await desk.lookUp(parseQuery(lookedUp, readBody(req.body))) });
  });

  router.post("/contacts/merge", admin, json, async (req, res) => {
    res.json(await desk.merge(parseQuery(merged, readBody(req.body))));
  });

  router.get("/contacts/journal", admin, async (req, res) => {
    const { contact, conversation, limit } = parseQuery(journalQuery, req.query);
    res.json({ items: await desk.journal({ contactId: contact, conversationId: conversation, limit }) });
  });

  return router;
}

function readBody(body: unknown): unknown {
  if (body === undefined) throw new BridgeError("invalid_json", "the body is empty, a JSON object is expected");
  return body;
}
