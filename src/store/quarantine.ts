/** Refused webhooks of known integrations: the newest few, so that a wrong secret can be mended and the bodies verified again. */
import { type Db, run } from "./bulk";
import type { Database } from "./database";
import { bytes } from "./engine";

export interface Refused {
  integration: string;
  receivedAt: number;
  /** Why it was refused, such as `signature` or `not a JSON object`. */
  problem: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** Per integration; anybody can send a wrong signature, so what is kept must stay small. */
export const quarantineLimits = { rows: 100, bytes: 4_000_000 };

/** Keeps a refused request and drops the oldest ones beyond the limits. */
export async function quarantine(database: Database, refused: Refused): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.db
      .insertInto("quarantine")
      .values({
        integration: refused.integration,
        received_at: refused.receivedAt,
        problem: refused.problem,
        headers: JSON.stringify(refused.headers),
        body: refused.body,
        size: refused.body.length,
      })
      .execute();
    const rows = await run<{ seq: number; size: number }>(
      tx.db,
      "select seq, size from quarantine where integration = $1 order by seq desc",
      [refused.integration],
    );
    let sum = 0;
    const oldest = rows.find((row, index) => {
      sum += row.size;
      return index >= quarantineLimits.rows || sum > quarantineLimits.bytes;
    });
    if (oldest !== undefined) {
      await run(tx.db, "delete from quarantine where integration = $1 and seq <= $2", [
        refused.integration,
        oldest.seq,
      ]);
    }
  });
}

/** A refused request as it is kept. */
export interface KeptRefused extends Refused {
  seq: number;
  body: Buffer;
}

/** The oldest first; of all integrations when none is named. */
export async function listRefused(db: Db, integration?: string): Promise<KeptRefused[]> {
  const all = db.selectFrom("quarantine").selectAll();
  const rows = await (integration === undefined ? all : all.where("integration", "=", integration))
    .orderBy("seq")
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    integration: row.integration,
    receivedAt: row.received_at,
    problem: row.problem,
    headers: JSON.parse(row.headers) as Record<string, string>,
    body: bytes(row.body),
  }));
}

/** Forgets one, once it is kept as a message. */
export async function dropRefused(database: Database, seq: number): Promise<void> {
  await database.transaction((tx) => tx.db.deleteFrom("quarantine").where("seq", "=", seq).execute());
}
