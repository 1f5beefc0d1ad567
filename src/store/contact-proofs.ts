/** Proofs of who owns an address: who asked, what was sent, how often a code was tried. */
import { createHash } from "node:crypto";
import { run } from "./bulk";
import type { Database, Tx } from "./database";
import { forUpdate } from "./engine";
import { addTasks, finishTasks, type LeasedTask, type NewTask } from "./tasks";

/** Codes to send. */
export const codeQueue = "codes";
const hourMs = 3_600_000;
const dayMs = 86_400_000;

export interface NewProof {
  id: string;
  integration: string | null;
  conversationId: string;
  channel: "email" | "sms";
  address: string;
  at: number;
  expiresAt: number;
}

export interface ProofCounts {
  ofAddressInHour: number;
  ofConversationInDay: number;
  ofChannelInDay: number;
}

/** Counts and writes in one transaction that no other one overtakes: `judge` says why no code is to be sent, if so. */
export async function askProof(
  database: Database,
  proof: NewProof,
  judge: (counts: ProofCounts) => string | undefined,
): Promise<{ withheld: string | undefined }> {
  const { id, integration, conversationId, channel, address, at, expiresAt } = proof;
  return database.transaction(async (tx) => {
    // Everybody who asks waits here for whoever asked before.
    await run(
      tx.db,
      "insert into meta (key, value) values ('contacts.asked', $1) on conflict (key) do update set value = excluded.value",
      [String(at)],
    );
    const withheld = judge(await countProofs(tx, { conversationId, channel, addressKey: keyOfAddress(address), at }));
    const [row] = await tx.db
      .insertInto("contact_proofs")
      .values({
        ...{ id, integration, channel, conversation_id: conversationId, created_at: at, expires_at: expiresAt },
        address: withheld === undefined ? address : null,
        address_key: keyOfAddress(address),
        salt: null,
        code_hash: null,
        state: withheld === undefined ? "asked" : "withheld",
        answer: withheld ?? null,
      })
      .returning("seq")
      .execute();
    if (row !== undefined && withheld === undefined) {
      await addTasks(tx, [{ key: `code:${row.seq}`, queue: codeQueue, dueAt: at, subject: row.seq }], at);
    }
    return { withheld };
  });
}

async function countProofs(
  tx: Tx,
  {
    conversationId,
    channel,
    addressKey,
    at,
  }: { conversationId: string; channel: string; addressKey: string; at: number },
): Promise<ProofCounts> {
  const count = async (condition: string, params: unknown[]) => {
    const [row] = await run<{ count: number }>(
      tx.db,
      `select cast(count(*) as bigint) as count from contact_proofs where ${condition} and state <> 'withheld'`,
      params,
    );
    return row?.count ?? 0;
  };
  return {
    ofAddressInHour: await count("address_key = $1 and created_at > $2", [addressKey, at - hourMs]),
    ofConversationInDay: await count("conversation_id = $1 and created_at > $2", [conversationId, at - dayMs]),
    ofChannelInDay: await count("channel = $1 and created_at > $2", [channel, at - dayMs]),
  };
}

/** Whether a code was asked for in this conversation. */
export async function hasProof({ db }: Pick<Tx, "db">, conversationId: string): Promise<boolean> {
  const row = await db
    .selectFrom("contact_proofs")
    .select("seq")
    .where("conversation_id", "=", conversationId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export interface ProofToSend {
  seq: number;
  id: string;
  channel: "email" | "sms";
  address: string;
  expiresAt: number;
}

/** The proof whose code is to be sent now; undefined, the task ended, when it is too late for it. */
export async function readProofToSend(
  database: Database,
  task: LeasedTask,
  now: number,
): Promise<ProofToSend | undefined> {
  return database.transaction(async (tx) => {
    const row = await tx.db
      .selectFrom("contact_proofs")
      .selectAll()
      .where("seq", "=", task.subject ?? 0)
      .executeTakeFirst();
    if (row === undefined || row.address === null || row.expires_at <= now || !isOpen(row.state)) {
      await finishTasks(tx, [task]);
      return undefined;
    }
    const { seq, id, address, expires_at: expiresAt } = row;
    return { seq, id, channel: row.channel as "email" | "sms", address, expiresAt };
  });
}

/** Keeps the hash of a code that is about to be sent; it takes the place of one sent before. */
export async function keepCode(database: Database, seq: number, code: { salt: string; hash: string }): Promise<void> {
  await database.transaction((tx) =>
    tx.db
      .updateTable("contact_proofs")
      .set({ salt: code.salt, code_hash: code.hash, state: "sending", tries: 0 })
      .where("seq", "=", seq)
      .execute(),
  );
}

/** How sending ended: `sent` when it may have arrived. */
export async function endSending(
  database: Database,
  task: LeasedTask,
  { state, answer }: { state: "sent" | "failed"; answer: string },
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.db
      .updateTable("contact_proofs")
      .set({ state, answer: answer.slice(0, 500) })
      .where("seq", "=", task.subject ?? 0)
      .where("state", "=", "sending")
      .execute();
    await finishTasks(tx, [task]);
  });
}

export interface ProofTry {
  seq: number;
  integration: string | null;
  channel: "email" | "sms";
  address: string;
  salt: string;
  hash: string;
}

/**
 * Takes one try at the newest code of a conversation, counted before anybody compares. Undefined when there is no code that is
 * valid still: none asked for, too old, or tried too often.
 */
export async function takeTry(
  database: Database,
  { conversationId, now, mostTries }: { conversationId: string; now: number; mostTries: number },
): Promise<ProofTry | undefined> {
  return database.transaction(async (tx) => {
    const [row] = await run<{
      seq: number;
      integration: string | null;
      channel: "email" | "sms";
      address: string | null;
      salt: string | null;
      code_hash: string | null;
      tries: number;
      expires_at: number;
      state: string;
    }>(
      tx.db,
      `select seq, integration, channel, address, salt, code_hash, tries, expires_at, state from contact_proofs
       where conversation_id = $1 and state <> 'withheld' order by seq desc limit 1${forUpdate(tx.engine)}`,
      [conversationId],
    );
    if (row === undefined || row.expires_at <= now || row.tries >= mostTries || !isOpen(row.state)) return undefined;
    if (row.address === null || row.salt === null || row.code_hash === null) return undefined;
    await tx.db
      .updateTable("contact_proofs")
      .set({ tries: row.tries + 1 })
      .where("seq", "=", row.seq)
      .execute();
    const { seq, integration, channel, address, salt, code_hash: hash } = row;
    return { seq, integration, channel, address, salt, hash };
  });
}

/** The code was right: it is valid no more, and what follows is due. False when somebody was faster. */
export async function endProof(
  database: Database,
  seq: number,
  { task, now }: { task: NewTask; now: number },
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const ended = await run(
      tx.db,
      `update contact_proofs set state = 'proven', address = null, salt = null, code_hash = null
       where seq = $1 and state in ('sending', 'sent') returning seq`,
      [seq],
    );
    if (ended.length > 0) await addTasks(tx, [task], now);
    return ended.length > 0;
  });
}

/** Takes addresses and hashes out of proofs whose time is over, and returns how many those were. */
export async function forgetProofs(database: Database, now: number): Promise<number> {
  return database.transaction(async (tx) => {
    const forgotten = await run(
      tx.db,
      `update contact_proofs set address = null, salt = null, code_hash = null
       where address is not null and expires_at <= $1 returning seq`,
      [now],
    );
    return forgotten.length;
  });
}

/** `sending` counts: a customer may be faster than the record of what the provider answered. */
function isOpen(state: string): boolean {
  return state === "asked" || state === "sending" || state === "sent";
}

/** What stands for an address where it is not kept any more. */
function keyOfAddress(address: string): string {
  return createHash("sha256").update(address).digest("base64url");
}
