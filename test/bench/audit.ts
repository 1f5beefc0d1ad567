/**
 * How long `omb audit --chain` takes over a large store, and what memory it needs: `tsx test/bench/audit.ts [messages] [file]`.
 * The store is written by SQL as the bridge would have left it: every message delivered at the first attempt and told to
 * Genesys Cloud, one in fifty failed.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { audit } from "../../src/store/audit";
import { run } from "../../src/store/bulk";
import { openDatabase } from "../../src/store/database";
import { migrate } from "../../src/store/migrate";
import { sealLedger } from "../../src/store/seals";

const messages = Number(process.argv[2] ?? 1_000_000);
const file = process.argv[3] ?? join(mkdtempSync(join(tmpdir(), "omb-audit-")), "bridge.sqlite");
const start = Date.UTC(2026, 8, 1);

async function fill(): Promise<void> {
  const database = openDatabase({ kind: "sqlite", file });
  await migrate(database);
  const body = JSON.stringify({ id: "x".repeat(32), type: "Text", text: "Good morning. ".repeat(40) });
  const slice = 50_000;
  for (let from = 1; from <= messages; from += slice) {
    const numbers = `with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${Math.min(messages, from + slice - 1)})`;
    await database.transaction(async ({ db }) => {
      const statements = [
        `insert into messages (seq, id, dedup_key, integration, integration_id, genesys_id, direction, kind, conversation_id, recipient_id,
           recipient_id_type, received_at, sent_at, summary, fate, reason_code, reason_message)
         ${numbers} select i, 'message-' || i, 'genesys-' || i || '|chat|text|', 'harborline-chat', 'integration-1', 'genesys-' || i, 'outbound',
           'text', 'conversation-' || (i / 10), 'visitor-' || (i / 10), 'Opaque', ${start} + i * 20, ${start} + i * 20, 'Good morning.',
           iif(i % 50 = 0, 'failed', 'delivered'), iif(i % 50 = 0, 'InvalidDestination', null), iif(i % 50 = 0, 'gone', null) from n`,
        `insert into captures (message_seq, headers, body) ${numbers} select i, '{"content-type":"application/json"}', cast('${body}' as blob) from n`,
        `insert into deliveries (seq, message_seq, id, channel, trigger, status, attempts, first_attempt_at, accepted_at, reason_code, reason_message)
         ${numbers} select i, i, 'delivery-' || i, 'chat', 'first', iif(i % 50 = 0, 'failed', 'delivered'), 1, ${start} + i * 20, ${start} + i * 20,
           iif(i % 50 = 0, 'InvalidDestination', null), iif(i % 50 = 0, 'gone', null) from n`,
        `insert into attempts (delivery_seq, number, started_at, finished_at, result, answer)
         ${numbers} select i, 1, ${start} + i * 20, ${start} + i * 20 + 5, iif(i % 50 = 0, 'failed', 'delivered'), 'HTTP 200' from n`,
        `insert into receipts (message_seq, status, reason_code, at, owed_at, state)
         ${numbers} select i, iif(i % 50 = 0, 'Failed', 'Delivered'), iif(i % 50 = 0, 'InvalidDestination', null), ${start} + i * 20, ${start} + i * 20, 'sent' from n`,
        `insert into ledger (message_seq, at, event, detail)
         ${numbers} select i, ${start} + i * 20 + step.column1, iif(step.column2 = 'outcome', iif(i % 50 = 0, 'delivery.failed', 'delivery.delivered'), step.column2),
           iif(step.column2 = 'delivery.sending', '{"attempt":1}', null)
         from n cross join (values (0, 'message.stored'), (1, 'delivery.sending'), (6, 'outcome'), (30, 'receipt.sent')) as step`,
      ];
      for (const statement of statements) await run(db, statement);
    });
  }
  const startedAt = performance.now();
  let sealed = 0;
  for (let lines = 1; lines > 0; sealed += lines) lines = await sealLedger(database, Date.now());
  const ms = performance.now() - startedAt;
  console.log(`sealed ${sealed} lines in ${(ms / 1000).toFixed(1)} s, ${((1000 * ms) / sealed).toFixed(1)} µs each`);
  await database.close();
}

async function measure(): Promise<void> {
  const database = openDatabase({ kind: "sqlite", file }, { readOnly: true });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 100);
  const before = process.memoryUsage().rss;
  const startedAt = performance.now();
  const result = await audit(database.db, {
    now: Date.now(),
    tellsFailures: ["harborline-chat"],
    tellsDeliveries: ["harborline-chat"],
    queues: [],
    chain: true,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(watch);
  console.log(
    JSON.stringify(
      { file, seconds, mbBefore: before / 1e6, mbMost: most / 1e6, ...result, findings: result.findings.slice(0, 5) },
      null,
      2,
    ),
  );
  await database.close();
}

void (async () => {
  if (process.argv[3] === undefined) await fill();
  await measure();
})();
