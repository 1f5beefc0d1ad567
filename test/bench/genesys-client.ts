/**
 * Cost of one receipt through the Genesys client beside `undici.request` of the same bytes, bare and with the time limit
 * that any client needs, and beside the SDK as it comes; Genesys Cloud is a process of its own:
 * `npx tsx --expose-gc test/bench/genesys-client.ts [calls] [concurrency]`.
 * CPU is this process's, user and system mode; memory is what importing and using the client adds.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request } from "undici";

if (process.send) serveGenesys();
else void compare(Number(process.argv[2] ?? 9_000), Number(process.argv[3] ?? 16));

function serveGenesys(): void {
  const token = JSON.stringify({ access_token: "t", expires_in: 86_400 });
  const receipt = JSON.stringify({ id: "m-1", type: "Receipt", status: "Delivered", direction: "Outbound" });
  const server = createServer((incoming, response) => {
    const body = incoming.url?.endsWith("/oauth/token") ? token : receipt;
    incoming.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(body));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}

async function compare(calls: number, concurrency: number): Promise<void> {
  const genesys = fork(__filename);
  const [port] = await once(genesys, "message");
  const gatewayUrl = `http://127.0.0.1:${port}`;
  const dispatcher = new Agent();
  const url = `${gatewayUrl}/api/v2/conversations/messages/i-1/inbound/open/receipt`;
  const receipt = {
    integrationId: "i-1",
    genesysMessageId: "90519fdfcda199f52d6757d95d97d47f",
    recipient: { id: "crew-7781@chat.harborline.example", idType: "Opaque" },
    status: "Failed" as const,
    reason: { code: "InvalidDestination", message: "x".repeat(200) },
    at: "2026-09-14T08:21:41.000Z",
  };
  // Written out, so that nothing of the client is loaded when memory is measured first.
  const sample = {
    id: receipt.genesysMessageId,
    channel: { to: receipt.recipient, time: receipt.at },
    status: receipt.status,
    reasons: [receipt.reason],
    isFinalReceipt: true,
  };
  const headers = { "content-type": "application/json", accept: "application/json", authorization: "Bearer t" };
  const send = async (signal?: AbortSignal) => {
    const body = JSON.stringify(sample);
    const answer = await request(url, { method: "POST", headers, body, dispatcher, signal });
    await answer.body.json();
  };
  const bare = () => send();
  const limited = () => send(AbortSignal.timeout(15_000));
  await measure(bare, calls / 3, concurrency);
  const rssBefore = settledRss();

  const { createGenesysClient } = require("../../src/genesys/client") as typeof import("../../src/genesys/client");
  const { createReceiptSender } = require("../../src/genesys/receipts") as typeof import("../../src/genesys/receipts");
  const clients = [{ id: "client", secret: "secret" }];
  const client = createGenesysClient({ organisation: { gatewayUrl, clients }, now: Date.now });
  const sendReceipt = createReceiptSender(client);
  const ours = async () => {
    const answer = await sendReceipt(receipt);
    if (answer.status !== "done") throw new Error(answer.answer);
  };
  await measure(ours, calls / 3, concurrency);
  const rssAfter = settledRss();

  const { default: platformClient } = await import("purecloud-platform-client-v2");
  const sdk = new platformClient.ApiClientClass();
  sdk.config.live_reload_config = false;
  sdk.setGateway({ protocol: "http", host: "127.0.0.1", port });
  sdk.setAccessToken("t");
  const api = new platformClient.ConversationsApi(sdk);
  const plain = async () => {
    await api.postConversationsMessageInboundOpenReceipt("i-1", sample);
  };
  await measure(plain, calls / 3, concurrency);

  const ways = { bare, limited, ours, plain };
  const microseconds: Record<string, number> = {};
  for (let round = 0; round < 4; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const us = await measure(way, calls / 3, concurrency);
      microseconds[name] = Math.min(microseconds[name] ?? us, us);
    }
  }
  const ratio = Object.fromEntries(
    Object.entries(microseconds).map(([name, us]) => [name, Number((us / Number(microseconds.bare)).toFixed(2))]),
  );
  const memoryMb = Number(((rssAfter - rssBefore) / 2 ** 20).toFixed(1));
  console.log(JSON.stringify({ concurrency, microseconds, ratio, memoryMb }));
  await Promise.all([client.close(), dispatcher.close()]);
  genesys.disconnect();
}

/** Microseconds of CPU for one call. */
async function measure(one: () => Promise<void>, calls: number, concurrency: number): Promise<number> {
  const before = process.cpuUsage();
  let left = Math.floor(calls);
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / Math.floor(calls));
}

function settledRss(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}
