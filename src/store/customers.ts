/** What adapters told us of customers: how else they can be reached, and where they are. */
import { type Db, run } from "./bulk";
import type { Tx } from "./database";
import { keyOf } from "./keys";

export interface CustomerFacts {
  email?: string | undefined;
  phone?: string | undefined;
  /** IANA name. */
  timeZone?: string | undefined;
  /** BCP 47. */
  language?: string | undefined;
}

export interface Customer extends CustomerFacts {
  integration: string;
  recipientId: string;
}

/** One key for one customer of an integration. */
export function customerKeyOf(integration: string, recipientId: string): string {
  return keyOf(integration, recipientId);
}

/** Keeps what was said; what was not said this time stays as it is known. */
export async function rememberCustomer(tx: Tx, customer: Customer, at: number): Promise<void> {
  const { integration, recipientId } = customer;
  const [email, phone, timeZone, language] = (["email", "phone", "timeZone", "language"] as const).map((name) =>
    plain(customer[name]),
  );
  if ([email, phone, timeZone, language].every((one) => one === undefined)) return;
  await run(
    tx.db,
    `insert into customers (key, integration, recipient_id, email, phone, time_zone, language, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (key) do update set email = coalesce(excluded.email, customers.email), phone = coalesce(excluded.phone, customers.phone),
       time_zone = coalesce(excluded.time_zone, customers.time_zone), language = coalesce(excluded.language, customers.language),
       changed_at = excluded.changed_at`,
    [
      customerKeyOf(integration, recipientId),
      integration,
      recipientId,
      email ?? null,
      phone ?? null,
      timeZone ?? null,
      language ?? null,
      at,
    ],
  );
}

/** Nothing longer than an address can be is kept, and no NUL, which PostgreSQL refuses. */
function plain(text: string | undefined): string | undefined {
  const kept = text?.replaceAll("\u0000", "").trim().slice(0, 320);
  return kept === "" ? undefined : kept;
}

export async function readCustomer(db: Db, integration: string, recipientId: string): Promise<Customer | undefined> {
  const row = await db
    .selectFrom("customers")
    .selectAll()
    .where("key", "=", customerKeyOf(integration, recipientId))
    .executeTakeFirst();
  if (row === undefined) return undefined;
  return {
    integration,
    recipientId,
    email: row.email ?? undefined,
    phone: row.phone ?? undefined,
    timeZone: row.time_zone ?? undefined,
    language: row.language ?? undefined,
  };
}

/** Forgets a customer; returns whether there was anything to forget. */
export async function eraseCustomer(tx: Tx, integration: string, recipientId: string): Promise<boolean> {
  const rows = await run(tx.db, "delete from customers where key = $1 returning key", [
    customerKeyOf(integration, recipientId),
  ]);
  return rows.length > 0;
}
