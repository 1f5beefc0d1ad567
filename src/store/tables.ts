/** The rows of every table, as Kysely sees them. Times are integer milliseconds UTC. */
import type { ColumnType, Generated, GeneratedAlways } from "kysely";

/** Bytes: Buffer on PostgreSQL, ArrayBuffer on SQLite; read them with `bytes()` of engine.ts. */
type Bytes = ColumnType<Uint8Array | ArrayBuffer, Uint8Array, Uint8Array>;

export interface Tables {
  lookups: { key: string; message_seq: number };
  captures: {
    message_seq: number;
    headers: string;
    body: Bytes | null;
    /** What a capture file said was understood of it. */
    meaning: string | null;
  };
  messages: {
    seq: Generated<number>;
    id: string;
    dedup_key: string;
    integration: string;
    integration_id: string;
    genesys_id: string | null;
    direction: string;
    kind: string;
    conversation_id: string | null;
    recipient_id: string;
    recipient_id_type: string;
    received_at: number;
    sent_at: number | null;
    summary: string;
    fate: string;
    /** The fate where it is one of the rare ones, by which messages are looked up. */
    trouble: GeneratedAlways<string | null>;
    reason_code: string | null;
    reason_message: string | null;
    notice_seq: number | null;
    duplicates: Generated<number>;
    /** The channel whose adapter brought it in; null for what Genesys Cloud sent. */
    source: string | null;
  };
  deliveries: {
    seq: Generated<number>;
    message_seq: number;
    id: string;
    channel: string;
    /** Set while this delivery holds its lane. */
    lane: string | null;
    trigger: string;
    status: string;
    attempts: number;
    /** Parts that the channel has taken, where a message goes out in several. */
    parts_sent: Generated<number>;
    first_attempt_at: number | null;
    /** When the newest attempt began, from the second on. */
    attempt_at: number | null;
    accepted_at: number | null;
    provider_message_id: string | null;
    reason_code: string | null;
    reason_message: string | null;
    /** A digest of what was understood when it was last sent. */
    meaning: string | null;
  };
  /** Those that have ended: read them with `readAttempts()` of attempts.ts. */
  attempts: {
    delivery_seq: number;
    number: number;
    started_at: number;
    finished_at: number | null;
    result: string | null;
    answer: string | null;
  };
  ledger: { seq: Generated<number>; message_seq: number; at: number; event: string; detail: string | null };
  tasks: {
    key: string;
    queue: string;
    due_at: number;
    attempt: Generated<number>;
    leased: Generated<number>;
    /** Deliveries waiting in the lane, its head included; 1 for a task without a lane. */
    pending: Generated<number>;
    /** The number of what it is about; of a lane, a number that none of its deliveries is below (SQLite). */
    subject: number | null;
    detail: string | null;
  };
  receipts: {
    message_seq: number;
    status: string;
    reason_code: string | null;
    reason_message: string | null;
    /** When it happened, as the channel says. */
    at: number;
    owed_at: number;
    state: string;
    answer: string | null;
  };
  callbacks: {
    seq: Generated<number>;
    channel: string;
    kind: string;
    webhook_id: string;
    received_at: number;
    body: string;
    state: Generated<string>;
  };
  notices: {
    seq: Generated<number>;
    id: string;
    policy: string;
    recipient_key: string;
    status: string;
    step: Generated<number>;
    channel: string | null;
    attempts: Generated<number>;
    in_flight: Generated<number>;
    provider_message_id: string | null;
    answer: string | null;
    created_at: number;
    changed_at: number;
    not_before: number | null;
    waits_for: string | null;
    step_started_at: number | null;
    step_attempts: number | null;
    returned_at: number | null;
    customer_key: string | null;
  };
  notice_sends: {
    seq: Generated<number>;
    notice_seq: number;
    policy: string;
    step: number;
    attempt: number;
    channel: string;
    recipient_key: string;
    address_key: string;
    text_hash: string;
    at: number;
    status: string;
    provider_message_id: string | null;
  };
  customers: {
    key: string;
    integration: string;
    recipient_id: string;
    email: string | null;
    phone: string | null;
    time_zone: string | null;
    language: string | null;
    changed_at: number;
  };
  consents: {
    seq: Generated<number>;
    address_key: string;
    channel: string;
    purpose: string;
    state: string;
    address: string | null;
    source: string;
    reason: string | null;
    at: number;
  };
  consent_history: {
    seq: Generated<number>;
    address_key: string;
    channel: string;
    purpose: string;
    change: string;
    source: string;
    reason: string | null;
    evidence: string | null;
    at: number;
  };
  quarantine: {
    seq: Generated<number>;
    integration: string;
    received_at: number;
    problem: string;
    headers: string;
    body: Bytes;
    size: number;
  };
  genesys_events: {
    seq: Generated<number>;
    dedup_key: string;
    type: string;
    conversation_id: string | null;
    received_at: number;
    due_at: number;
    body: string;
    state: string;
    answer: string | null;
  };
  contact_proofs: {
    seq: Generated<number>;
    id: string;
    integration: string | null;
    conversation_id: string;
    channel: string;
    address: string | null;
    address_key: string;
    salt: string | null;
    code_hash: string | null;
    tries: Generated<number>;
    created_at: number;
    expires_at: number;
    state: string;
    answer: string | null;
  };
  contact_journal: {
    seq: Generated<number>;
    id: string;
    at: number;
    organisation: string;
    action: string;
    cause: string;
    proof: string;
    conversation_id: string | null;
    contact_id: string | null;
    before: string;
    after: string | null;
    answer: string | null;
  };
  budgets: { name: string; tat: number };
  meta: { key: string; value: string };
  replays: {
    seq: Generated<number>;
    id: string;
    state: string;
    plan: string;
    requested_by: string;
    reason: string | null;
    created_at: number;
    changed_at: number;
    total: number;
    position: Generated<number>;
    progress: string;
    problem: string | null;
  };
  seals: {
    number: number;
    from_seq: number;
    to_seq: number;
    lines: number;
    last_at: number;
    previous: string;
    hash: string;
    sealed_at: number;
    pruned: Generated<number>;
  };
}
