/** The webhook requests as they came. */
import { bulk, type Db } from "./bulk";
import { bytes } from "./engine";

/** A body as it came, and what is known of it without looking inside. */
export interface KeptBody {
  body: Buffer;
  id: string;
  integration: string;
  integrationId: string;
  kind: string;
  /** The channel whose adapter brought it in; null for what Genesys Cloud sent. */
  source: string | null;
}

export interface StoredCapture extends Omit<KeptBody, "body"> {
  receivedAt: number;
  headers: Record<string, string>;
  /** Null when retention has removed it. */
  body: Buffer | null;
}

export async function readCapture(db: Db, messageSeq: number): Promise<StoredCapture | undefined> {
  const row = await db
    .selectFrom("captures as c")
    .innerJoin("messages as m", "m.seq", "c.message_seq")
    .select(["m.id", "m.integration", "m.integration_id", "m.kind", "m.source", "m.received_at", "c.headers", "c.body"])
    .where("c.message_seq", "=", messageSeq)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    id: row.id,
    integration: row.integration,
    integrationId: row.integration_id,
    kind: row.kind,
    source: row.source,
    receivedAt: row.received_at,
    headers: JSON.parse(row.headers),
    body: row.body === null ? null : bytes(row.body),
  };
}

/** Takes the content out of captures and leaves the rows. */
export const blankCaptures = bulk<number>(
  "update captures set headers = '{}', body = null, meaning = null where message_seq in (values {rows})",
  "(cast(? as bigint))",
  (seq) => [seq],
);
