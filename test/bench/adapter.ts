/** An adapter that delivers everything at once and notes when it was called, in a process of its own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerParent } from "../processes/child";
import { clock, readNumber } from "./messages";

const arrivedAt: number[] = [];
let calls = 0;

const commands = {
  listen,
  /** Calls so far, repeats included. */
  calls: () => calls,
  /** When each of these messages arrived, by {@link clock}; 0 for one that has not. */
  arrivals: (first: number, count: number) => Float64Array.from({ length: count }, (_, n) => arrivedAt[first + n] ?? 0),
};
export type AdapterCommands = typeof commands;
answerParent(commands);

async function listen(): Promise<string> {
  const answer = JSON.stringify({ status: "delivered" });
  const server = createServer((req, res) => {
    const at = clock();
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const number = readNumber(Buffer.concat(chunks));
      if (number !== undefined) arrivedAt[number] ??= at;
      calls += 1;
      res.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
      res.end(answer);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/deliver`;
}
