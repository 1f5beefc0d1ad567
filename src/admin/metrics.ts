/** What is counted, for `/metrics`. Label values are few and fixed by the settings. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/** Counts by label values. */
interface Tally<Label extends string> {
  inc(labels: Record<Label, string>): void;
}

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  /** prom-client checks and joins the labels of each count: here it is told the sums, when somebody asks. */
  function createCounter<Label extends string>(settings: {
    name: string;
    help: string;
    labelNames: readonly Label[];
  }): Tally<Label> {
    const sums = new Map<string, { labels: Record<string, string>; sum: number }>();
    const counter = new Counter<string>({
      ...settings,
      registers: [],
      collect() {
        for (const one of sums.values()) {
          if (one.sum > 0) this.inc(one.labels, one.sum);
          one.sum = 0;
        }
      },
    });
    registry.registerMetric(counter);
    return {
      inc(labels) {
        let key = "";
        for (const name of settings.labelNames) key += `${labels[name]}\n`;
        let known = sums.get(key);
        if (known === undefined) {
          known = { labels: Object.fromEntries(settings.labelNames.map((name) => [name, labels[name]])), sum: 0 };
          sums.set(key, known);
        }
        known.sum += 1;
      },
    };
  }

  const webhooks = createCounter({
    name: "omb_webhooks_total",
    help: "Webhook requests by integration and what became of them: stored, duplicate, refused.",
    labelNames: ["integration", "result"],
  });
  const attempts = createCounter({
    name: "omb_delivery_attempts_total",
    help: "Attempts to deliver by channel and outcome.",
    labelNames: ["channel", "result"],
  });
  const attemptSeconds = new Histogram({
    name: "omb_delivery_attempt_seconds",
    help: "How long attempts took.",
    labelNames: ["channel"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const receipts = createCounter({
    name: "omb_receipts_total",
    help: "Receipts to Genesys Cloud by status and result.",
    labelNames: ["status", "result"],
  });
  const notices = createCounter({
    name: "omb_notices_total",
    help: "Tries to send a notice by channel and outcome.",
    labelNames: ["channel", "result"],
  });
  const noticesBraked = createCounter({
    name: "omb_notices_braked_total",
    help: "Times that notices were seen waiting because a policy's maxPerMinute was reached, once in ten seconds.",
    labelNames: ["policy"],
  });
  const bounces = createCounter({
    name: "omb_bounces_total",
    help: "Mails read from the mailboxes of channels, by what they were: bounce, complaint, delay, ignored.",
    labelNames: ["channel", "result"],
  });
  const breakers = new Gauge({
    name: "omb_breaker_open",
    help: "1 while a channel's adapter is taken for broken.",
    labelNames: ["channel"],
    registers,
  });
  const genesysCalls = createCounter({
    name: "omb_genesys_calls_total",
    help: "Requests made to Genesys Cloud by organisation, what was asked, and result: done, refused, later.",
    labelNames: ["organisation", "operation", "result"],
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
