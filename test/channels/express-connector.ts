/** A small copy of a typical Open Messaging middleware: Express, a JSON body parser, and the HMAC over the body written out again. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";

export async function startExpressConnector(secretToken: string) {
  const delivered: { id: string; to: string; text?: string; type: string; tenant?: string }[] = [];
  const app = express();
  app.use(express.json());
  app.post("/genesys/webhook", (request, response) => {
    const header = request.get("X-Hub-Signature-256") ?? "";
    const hash = createHmac("sha256", secretToken).update(JSON.stringify(request.body)).digest("base64");
    const expected = Buffer.from(`sha256=${hash}`);
    const given = Buffer.from(header);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.status(401).send("Invalid signature");
      return;
    }
    const { id, type, text, channel } = request.body;
    delivered.push({ id, to: channel.to.id, type, text, tenant: request.get("x-tenant") });
    response.sendStatus(200);
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/genesys/webhook`,
    delivered,
    async stop(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
