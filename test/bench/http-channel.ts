/**
 * CPU of one send through the HTTP channel beside a bare `undici.request` of the same bytes, adapter in a process of its own:
 * `npx tsx test/bench/http-channel.ts [sends] [concurrency]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request } from "undici";
import { createHttpChannel } from "../../src/channels/http";
import { deliveryOf, retry, textMessage } from "../channels/deliveries";

if (process.send) serveAdapter();
else void compare(Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 32));

function serveAdapter(): void {
  const body = JSON.stringify({ status: "accepted", providerMessageId: "wa-17" });
  const server = createServer((incoming, response) => {
    incoming.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(body));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}

async function compare(sends: number, concurrency: number): Promise<void> {
  const adapter = fork(__filename);
  const [port] = await once(adapter, "message");
  const url = `http://127.0.0.1:${port}/deliver`;
  const channel = createHttpChannel(
    {
      name: "bench",
      url,
      secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
      confirms: "accepted",
      timeoutMs: 10_000,
      retry,
    },
    { now: () => new Date() },
  );
  const original = { body: Buffer.from(JSON.stringify({ type: "Text", text: "x".repeat(1_000) })), headers: {} };
  const delivery = deliveryOf(textMessage(), { original });
  const dispatcher = new Agent();
  const bytes = Buffer.alloc(1_800, 0x20);

  const bare = async () => {
    const headers = { "content-type": "application/json" };
    const { body } = await request(url, { method: "POST", headers, body: bytes, dispatcher });
    await body.json();
  };
  const send = async () => {
    const outcome = await channel.send(delivery);
    if (outcome.status !== "accepted") throw new Error(outcome.answer);
  };

  const rounds = [bare, send, bare, send, bare, send];
  const microseconds: number[] = [];
  for (const one of rounds) microseconds.push(await measure(one, sends / 3, concurrency));
  const [bareCpu, sendCpu] = [0, 1].map((first) => Math.min(...microseconds.filter((_, round) => round % 2 === first)));
  console.log(JSON.stringify({ bareUs: bareCpu, channelUs: sendCpu, ratio: Number(sendCpu) / Number(bareCpu) }));
  await Promise.all([channel.close?.(), dispatcher.close()]);
  adapter.disconnect();
}

/** Microseconds of this process for one call, in user and system mode together. */
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
