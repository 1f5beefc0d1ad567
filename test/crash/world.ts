/** Everything outside the bridge that survives it, in one process: adapter, Genesys Cloud, mail server. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerParent } from "../processes/child";
import { type Adapter, createAdapter } from "./adapter";
import { createGenesys } from "./genesys";
import { type Mail, startInbox } from "./inbox";

const genesys = createGenesys();
let adapter: Adapter | undefined;
let mails: Mail[] = [];

const commands = { start, waitingReports: () => adapter?.waitingReports() ?? 0, report };
export type WorldCommands = typeof commands;
export type WorldReport = ReturnType<typeof report>;
answerParent(commands);

async function start(bridgeUrls: string[]) {
  const started = createAdapter(bridgeUrls);
  adapter = started;
  const inbox = await startInbox();
  mails = inbox.mails;
  return {
    adapterUrl: `${await listen(started.handle)}/deliver`,
    genesysUrl: await listen(genesys.handle),
    smtpUrl: inbox.url,
  };
}

async function listen(handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>): Promise<string> {
  const server = createServer((req, res) => {
    // The other side was killed while it spoke.
    handle(req, res).catch(() => res.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function report() {
  return {
    sightings: adapter?.sightings ?? [],
    typings: adapter?.typings ?? new Map<string, number>(),
    forged: adapter?.forged() ?? 0,
    refusedReports: adapter?.refusedReports() ?? 0,
    receipts: genesys.receipts,
    mails,
  };
}
