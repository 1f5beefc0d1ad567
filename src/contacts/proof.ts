/** Proves that a customer owns an address: a code goes there, and comes back through the conversation. */
import type { Database } from "../store/database";
import { askProof, codeQueue, endProof, endSending, keepCode, readProofToSend, takeTry } from "../store/contact-proofs";
import { type LeasedTask, postponeTasks } from "../store/tasks";
import { hashCode, isCode, makeCode } from "./code";
import { type CodeLimits, findLimit } from "./limits";
import { planResolution } from "./work";

export interface ProofRules extends CodeLimits {
  /** How long a code is valid. */
  codeMs: number;
  triesPerCode: number;
  /** What is written; `{{ code }}` and `{{ minutes }}` are replaced. */
  subject: string;
  text: string;
}

/** What became of one try to send. */
export type CodeSent =
  | { status: "sent" | "failed"; answer: string }
  | { status: "later"; answer: string; retryAfterMs?: number | undefined };

export interface ProofDeps {
  database: Database;
  rules: ProofRules;
  /** Sends through the channel for this kind of address. Never throws for what the provider does. */
  send(code: {
    id: string;
    channel: "email" | "sms";
    to: string;
    subject: string;
    text: string;
    attempt: number;
  }): Promise<CodeSent>;
  organisationOf(integration: string | null): string | undefined;
  now: () => number;
  newId: () => string;
  log: {
    codeAsked(facts: { conversationId: string; channel: string; status: string }): void;
    codeSent(facts: { channel: string; status: string; attempt: number }): void;
    codeTried(facts: { conversationId: string; status: string }): void;
  };
}

const leaseMs = 90_000;

export function createProofs(deps: ProofDeps) {
  const { database, rules, now, log } = deps;

  /** Sends a code unless a limit forbids it. Says nothing of either: whoever asks learns only until when to answer. */
  async function ask(about: {
    conversationId: string;
    integration: string | null;
    channel: "email" | "sms";
    address: string;
    country?: string | undefined;
  }): Promise<{ expiresAt: number }> {
    const { country, ...proof } = about;
    const at = now();
    const expiresAt = at + rules.codeMs;
    const { withheld } = await askProof(database, { ...proof, id: deps.newId(), at, expiresAt }, (counts) =>
      findLimit({ channel: about.channel, country }, counts, rules),
    );
    const { conversationId, channel } = about;
    log.codeAsked({ conversationId, channel, status: withheld === undefined ? "asked" : `withheld: ${withheld}` });
    return { expiresAt };
  }

  /** `expired`: there is no code that is valid still; ask for a new one. */
  async function verify(about: { conversationId: string; code: string }): Promise<"verified" | "wrong" | "expired"> {
    const { conversationId, code } = about;
    const kept = await takeTry(database, { conversationId, now: now(), mostTries: rules.triesPerCode });
    const isRight = await isCode(code, kept);
    const status = kept === undefined ? "expired" : isRight && (await end(kept, conversationId)) ? "verified" : "wrong";
    log.codeTried({ conversationId, status });
    return status;
  }

  async function end(kept: NonNullable<Awaited<ReturnType<typeof takeTry>>>, conversationId: string): Promise<boolean> {
    const at = now();
    const organisation = deps.organisationOf(kept.integration);
    const identifier = {
      type: kept.channel === "email" ? ("Email" as const) : ("Phone" as const),
      value: kept.address,
    };
    const task = planResolution(
      { conversationId, organisation, identifier, cause: "flow", proof: kept.channel },
      { now: at },
    );
    return endProof(database, kept.seq, { task, now: at });
  }

  async function sendCode(task: LeasedTask): Promise<void> {
    const proof = await readProofToSend(database, task, now());
    if (proof === undefined) return;
    const code = makeCode();
    // Kept before it goes out: a customer may be faster than our record of it.
    await keepCode(database, proof.seq, await hashCode(code));
    const minutes = String(Math.max(1, Math.round((proof.expiresAt - now()) / 60_000)));
    const fill = (text: string) =>
      text.replace(/\{\{\s*(code|minutes)\s*\}\}/g, (_, name) => (name === "code" ? code : minutes));
    const { id, channel, address: to } = proof;
    const message = { id, channel, to, subject: fill(rules.subject), text: fill(rules.text), attempt: task.attempt };
    const result = await deps.send(message);
    log.codeSent({ channel, status: result.status, attempt: task.attempt });
    if (result.status !== "later") return endSending(database, task, { state: result.status, answer: result.answer });
    const delayMs = result.retryAfterMs ?? Math.min(60_000, 1000 * 2 ** Math.min(task.attempt, 6));
    await database.transaction((tx) => postponeTasks(tx, [{ task, dueAt: now() + delayMs }]));
  }

  return {
    ask,
    verify,
    /** The queue of codes to send. */
    work: {
      queue: codeQueue,
      concurrency: 8,
      leaseMs,
      begin: async (tasks: LeasedTask[]) => tasks.map(sendCode),
    },
  };
}
export type Proofs = ReturnType<typeof createProofs>;
