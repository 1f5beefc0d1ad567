/** What durable ingest is measured against, in a process of its own: node:http, the signature, JSON.parse, and no store. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureHeader, verifySignature } from "../../src/webhook/signature";
import { answerParent } from "../processes/child";
import { signatureSecret } from "./messages";

const commands = { listen };
export type BareCommands = typeof commands;
answerParent(commands);

async function listen(): Promise<{ url: string; pid: number }> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const header = req.headers[signatureHeader];
      const isValid = verifySignature(body, typeof header === "string" ? header : undefined, [signatureSecret]);
      const { id } = JSON.parse(body.toString("utf8")) as { id: string };
      const answer = JSON.stringify({ status: "received", id });
      res.writeHead(isValid ? 200 : 401, { "content-type": "application/json", "content-length": answer.length });
      res.end(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pid: process.pid };
}
