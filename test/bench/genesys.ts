/** As much of Genesys Cloud as a load needs, in a process of its own: it gives a token and takes receipts. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerParent } from "../processes/child";

let receipts = 0;

const commands = { listen, receipts: () => receipts };
export type GenesysCommands = typeof commands;
answerParent(commands);

async function listen(): Promise<string> {
  const server = createServer((req, res) => {
    const isLogin = req.url?.endsWith("/oauth/token") ?? false;
    req.resume().on("end", () => {
      if (!isLogin) receipts += 1;
      const body = isLogin ? { access_token: "bench", token_type: "bearer", expires_in: 86_400 } : {};
      const answer = JSON.stringify(body);
      res.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
      res.end(answer);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
