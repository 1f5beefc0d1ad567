/** What is counted, for `/metrics`. Label values are few and fixed by the settings. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const webhooks = new Counter({
    name: "omb_webhooks_total",
    help: "Webhook requests by integration and what became of them: stored, duplicate, refused.",
    labelNames: ["integration", "result"],
    registers,
  });
  const attempts = new Counter({
    name: "omb_delivery_attempts_total",
    help: "Attempts to deliver by channel and outcome.",
    labelNames: ["channel", "result"],
    registers,
  });
  const attemptSeconds = new Histogram({
    name: "omb_delivery_attempt_seconds",
    help: "How long attempts took.",
    labelNames: ["channel"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const receipts = new Counter({
    name: "omb_receipts_total",
    help: "Receipts to Genesys Cloud by status and result.",
    labelNames: ["status", "result"],
    registers,
  });
  const notices = new Counter({
    name: "omb_notices_total",
    help: "Tries to send a notice by channel and outcome.",
    labelNames: ["channel", "result"],
    registers,
  });
  const noticesBraked = new Counter({
    name: "omb_notices_braked_total",
    help: "Times that notices were seen waiting because a policy's maxPerMinute was reached, once in ten seconds.",
    labelNames: ["policy"],
    registers,
  });
  const bounces = new Counter({
    name: "omb_bounces_total",
    help: "Mails read from the mailboxes of channels, by what they were: bounce, complaint, delay, ignored.",
    labelNames: ["channel", "result"],
    registers,
  });
  const breakers = new Gauge({
    name: "omb_breaker_open",
    help: "1 while a channel's adapter is taken for broken.",
    labelNames: ["channel"],
    registers,
  });
  const genesysCalls = new Counter({
    name: "omb_genesys_calls_total",
    help: "Requests made to Genesys Cloud by organisation, what was asked, and result: done, refused, later.",
    labelNames: ["organisation", "operation", "result"],
    registers,
  });
  const genesysSeconds = new Histogram({
    name: "omb_genesys_call_seconds",
    help: "How long requests to Genesys Cloud took, without the wait for their turn.",
    labelNames: ["organisation", "priority"],
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers,
  });
  return {
    registry,
    genesysCalls,
    genesysSeconds,
    webhooks,
    attempts,
    attemptSeconds,
    receipts,
    notices,
    noticesBraked,
    bounces,
    breakers,
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
