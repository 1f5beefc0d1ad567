import { createMetrics } from "../../src/admin/metrics";

test("counts are told in full at every reading, each under its own labels", async () => {
  const { webhooks, registry } = createMetrics();
  const read = async () => {
    const lines = (await registry.getSingleMetricAsString("omb_webhooks_total")).split("\n");
    return lines.filter((line) => line.startsWith("omb_webhooks_total{")).sort();
  };
  const stored = { integration: "support", result: "stored" };
  expect(await read()).toEqual([]);
  webhooks.inc(stored);
  webhooks.inc({ ...stored });
  webhooks.inc({ integration: "support", result: "refused" });
  expect(await read()).toEqual([
    'omb_webhooks_total{integration="support",result="refused"} 1',
    'omb_webhooks_total{integration="support",result="stored"} 2',
  ]);
  webhooks.inc(stored);
  expect(await read()).toContain('omb_webhooks_total{integration="support",result="stored"} 3');
  expect(await registry.metrics()).toContain('omb_webhooks_total{integration="support",result="stored"} 3');
});

test("what else stands beside the labels of a count is left out", async () => {
  const { bounces, registry } = createMetrics();
  const facts = { channel: "mail", result: "bounce", address: "mira@example.com" };
  bounces.inc(facts);
  expect(await registry.metrics()).toContain('omb_bounces_total{channel="mail",result="bounce"} 1');
});
