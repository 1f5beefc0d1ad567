/** Resolves contacts behind the front: durable, and inside the budget of Genesys Cloud. */
import { z } from "zod";
import { adapterMessage, adapterResponse } from "../message/adapter";
import { readCapture } from "../store/captures";
import { contactQueue, findConversation } from "../store/contact-tasks";
import { hasProof } from "../store/contact-proofs";
import { wasResolved } from "../store/contact-journal";
import type { Database } from "../store/database";
import { keyOf } from "../store/keys";
import { finishTasks, type LeasedTask, type NewTask, postponeTasks } from "../store/tasks";
import {
  chooseClaim,
  type Identifier,
  type IdentifierReading,
  type IdentifierRules,
  readIdentifier,
} from "./identifier";
import type { Resolution, ResolveRequest } from "./resolve";

const resolution = z.object({
  conversationId: z.string(),
  /** Absent when no integration says: then every organisation is asked for the conversation. */
  organisation: z.string().optional(),
  identifier: z.object({
    type: z.enum(["Email", "Phone", "ExternalId"]),
    value: z.string(),
    externalSource: z.object({ id: z.string(), name: z.string() }).optional(),
  }),
  cause: z.enum(["flow", "firstMessage"]),
  proof: z.enum(["email", "sms", "none"]),
});

/** The task that resolves a conversation's contact; asked for twice, it is done once. */
export function planResolution(
  about: {
    conversationId: string;
    organisation: string | undefined;
    identifier: Identifier;
    cause: "flow" | "firstMessage";
    proof: "email" | "sms" | "none";
  },
  { now }: { now: number },
): NewTask {
  const { conversationId, organisation, identifier } = about;
  const key = `contact:${keyOf(conversationId, identifier.type, identifier.value)}`;
  const detail = { ...about, ...(organisation === undefined ? {} : { organisation }) };
  return {
    key,
    queue: contactQueue,
    dueAt: now,
    detail: JSON.parse(JSON.stringify(detail)) as Record<string, unknown>,
  };
}

/** What an integration's settings say of its customers' contacts. */
export interface ContactRules extends IdentifierRules {
  organisation: string;
  /** What proves that customers own the addresses their adapter names. */
  proof: "code" | "none";
}

export interface WorkDeps {
  database: Database;
  resolve(request: ResolveRequest): Promise<Resolution>;
  /** Sends a code; see the proofs. */
  askProof(about: {
    conversationId: string;
    integration: string | null;
    channel: "email" | "sms";
    address: string;
    country?: string | undefined;
  }): Promise<unknown>;
  /** Undefined for an integration whose contacts are not resolved by themselves. */
  rulesOf(integration: string): ContactRules | undefined;
  /** The organisations there are. */
  organisations: readonly string[];
  now: () => number;
  log: {
    contactResolved(facts: { organisation?: string; conversationId: string; status: string; kind: string }): void;
  };
}

const atOnce = 8;
const leaseMs = 180_000;
const longestDelayMs = 300_000;
const givenUpAfterMs = 86_400_000;

export function createContactWork(deps: WorkDeps) {
  let pausedUntil = 0;
  return {
    queue: contactQueue,
    concurrency: atOnce,
    leaseMs,
    permits: (now: number) =>
      now < pausedUntil ? { count: 0, askAgainAt: pausedUntil } : { count: Number.POSITIVE_INFINITY },
    begin: async (tasks: LeasedTask[]) =>
      tasks.map(async (task) => {
        const delay =
          task.subject === null ? await resolveAsked(deps, task) : await resolveFirst(deps, task, task.subject);
        if (delay === undefined) return end(deps, task);
        if (delay.pause) pausedUntil = Math.max(pausedUntil, deps.now() + delay.ms);
        await deps.database.transaction((tx) => postponeTasks(tx, [{ task, dueAt: deps.now() + delay.ms }]));
      }),
  };
}

/** How long to wait before the next try, and whether everybody has to; undefined: it is done. */
type Delay = { ms: number; pause: boolean } | undefined;

async function resolveAsked(deps: WorkDeps, task: LeasedTask): Promise<Delay> {
  const asked = resolution.safeParse(task.detail);
  if (!asked.success) return undefined;
  const { organisation, identifier, ...request } = asked.data;
  const externalSource = identifier.externalSource === undefined ? {} : { externalSource: identifier.externalSource };
  const whole = { ...request, identifier: { type: identifier.type, value: identifier.value, ...externalSource } };
  return tryAll(deps, task, organisation === undefined ? deps.organisations : [organisation], whole);
}

/** A customer's first message: the conversation it started is known once Genesys Cloud has taken it. */
async function resolveFirst(deps: WorkDeps, task: LeasedTask, messageSeq: number): Promise<Delay> {
  const { database, now } = deps;
  const found = await findConversation(database, messageSeq);
  const rules = found === undefined ? undefined : deps.rulesOf(found.integration);
  if (found === undefined || rules === undefined) return undefined;
  const { conversationId, integration } = found;
  if (conversationId === null) {
    const isWaiting = found.fate === "open" && now() - found.receivedAt < givenUpAfterMs;
    return isWaiting ? { ms: Math.min(60_000, 250 * 2 ** Math.min(task.attempt, 8)), pause: false } : undefined;
  }
  if ((await wasResolved(database, conversationId)) || (await hasProof(database, conversationId))) return undefined;
  const read = await readSender(database, messageSeq, rules);
  if (read?.ok !== true) return undefined;
  const { identifier, country } = read;
  if (rules.proof === "none") {
    const request = { conversationId, identifier, cause: "firstMessage" as const, proof: "none" as const };
    return tryAll(deps, task, [rules.organisation], request);
  }
  if (identifier.type === "ExternalId") return undefined;
  const channel = identifier.type === "Email" ? "email" : "sms";
  await deps.askProof({ conversationId, integration, channel, address: identifier.value, country });
  return undefined;
}

/** In the first organisation that knows the conversation. */
async function tryAll(
  deps: WorkDeps,
  task: LeasedTask,
  organisations: readonly string[],
  request: Omit<ResolveRequest, "organisation">,
): Promise<Delay> {
  const { conversationId } = request;
  for (const organisation of organisations) {
    const result = await deps.resolve({ ...request, organisation });
    const status = result.status === "done" ? result.outcome : result.status;
    deps.log.contactResolved({ organisation, conversationId, status, kind: request.cause });
    if (result.status === "later") {
      return {
        ms: result.retryAfterMs ?? Math.min(longestDelayMs, 1000 * 2 ** Math.min(task.attempt, 10)),
        pause: true,
      };
    }
    if (result.status === "done" && result.outcome !== "none") return undefined;
  }
  return undefined;
}

async function readSender(
  database: Database,
  messageSeq: number,
  rules: ContactRules,
): Promise<IdentifierReading | undefined> {
  const capture = await readCapture(database.db, messageSeq);
  if (capture?.body == null) return undefined;
  const body = JSON.parse(capture.body.toString("utf8")) as unknown;
  const read = adapterMessage.safeParse(body);
  const from = read.success ? read.data.from : adapterResponse.safeParse(body).data?.from;
  return from === undefined ? undefined : readIdentifier(chooseClaim(from), rules);
}

async function end({ database }: WorkDeps, task: LeasedTask): Promise<void> {
  await database.transaction((tx) => finishTasks(tx, [task]));
}
