/** Anybody can send a wrong signature: what is kept of them must not cost more than what is right. */
import express, { type Router } from "express";
import { z } from "zod";
import { BridgeError } from "../errors";
import type { Arrival, Stored } from "../store/ingest";
import type { KeptRefused, Refused } from "../store/quarantine";
import { planArrival, type WebhookIntegration } from "./arrival";
import { parseObject } from "./body";
import { signatureHeader, verifySignature } from "./signature";

const perMinute = 60;

/** Keeps at most 60 refused requests a minute of each integration; the others are refused all the same. */
export function limitQuarantine(keep: (refused: Refused) => Promise<void>, now: () => number) {
  const kept = new Map<string, { minute: number; count: number }>();
  return async function keepSome(refused: Refused): Promise<void> {
    const minute = Math.floor(now() / 60_000);
    const so = kept.get(refused.integration);
    const count = so?.minute === minute ? so.count + 1 : 1;
    kept.set(refused.integration, { minute, count });
    if (count <= perMinute) await keep(refused);
  };
}

export interface RetryDeps {
  integrations: readonly WebhookIntegration[];
  list(integration: string | undefined): Promise<KeptRefused[]>;
  /** Resolves once the arrival is on disk. */
  save(arrival: Arrival): Promise<Stored>;
  /** Forgets a refused request that is kept as a message now. */
  drop(seq: number): Promise<void>;
  now: () => number;
  newId: () => string;
}

export interface Retried {
  /** Ours; in the order in which they had come. */
  taken: string[];
  /** How many were known as messages already. */
  duplicates: number;
  /** How many still do not verify. */
  refused: number;
}

const retryBody = z.strictObject({ integration: z.string().optional() });

/** `POST /quarantine/retry` `{ integration? }`: takes in the refused webhooks that verify with today's secrets. */
export function quarantineRoutes(deps: RetryDeps): Router {
  const router = express.Router();
  router.post("/quarantine/retry", express.json({ strict: false }), async (req, res) => {
    const wanted = retryBody.safeParse(req.body ?? {});
    if (!wanted.success) throw new BridgeError("invalid_field", "{ integration? } is expected");
    const named = wanted.data.integration;
    const integration = deps.integrations.find(({ name, id }) => name === named || id === named);
    if (named !== undefined && integration === undefined) {
      throw new BridgeError("not_found", "no integration of this name or id is configured", "integration");
    }
    res.json(await retryRefused(deps, integration?.name));
  });
  return router;
}

/** Each is stored before it is forgotten: a crash between leaves one that the next try knows as a duplicate. */
async function retryRefused(deps: RetryDeps, integration: string | undefined): Promise<Retried> {
  const retried: Retried = { taken: [], duplicates: 0, refused: 0 };
  for (const refused of await deps.list(integration)) {
    const arrival = planRetry(deps, refused);
    if (arrival === undefined) {
      retried.refused += 1;
      continue;
    }
    const { duplicate } = await deps.save(arrival);
    await deps.drop(refused.seq);
    if (duplicate) retried.duplicates += 1;
    else retried.taken.push(arrival.id);
  }
  return retried;
}

/** Undefined when it would be refused today too. */
function planRetry({ integrations, now, newId }: RetryDeps, refused: KeptRefused): Arrival | undefined {
  const { body, headers, receivedAt, problem } = refused;
  const integration = integrations.find(({ name }) => name === refused.integration);
  if (!integration || !verifySignature(body, headers[signatureHeader], integration.signatureSecrets)) return undefined;
  const parsed = parseObject(body);
  if (typeof parsed === "string") return undefined;
  const arrival = planArrival(parsed, { body, headers, receivedAt }, integration, newId);
  return { ...arrival, ledger: [...arrival.ledger, { at: now(), event: "quarantine.taken", detail: { problem } }] };
}
