/** Refused webhooks of known integrations: the newest few, so that a wrong secret can be mended and the bodies verified again. */
import { run } from "./bulk";
import type { Database } from "./database";

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
    let bytes = 0;
    const oldest = rows.find((row, index) => {
      bytes += row.size;
      return index >= quarantineLimits.rows || bytes > quarantineLimits.bytes;
    });
    if (oldest !== undefined) {
      await run(tx.db, "delete from quarantine where integration = $1 and seq <= $2", [
        refused.integration,
        oldest.seq,
      ]);
    }
  });
}
