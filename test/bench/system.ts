/** Everything around a load: a store, the bridge on it, and the processes it talks to. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BridgeProcess, findFreePort, spawnBridge } from "../processes/bridge";
import { type Child, forkChild } from "../processes/child";
import type { Stores } from "../processes/store";
import type { AdapterCommands } from "./adapter";
import type { GenesysCommands } from "./genesys";
import { integration, signatureSecret } from "./messages";

export interface System {
  bridge: BridgeProcess;
  adapter: Child<AdapterCommands>;
  genesys: Child<GenesysCommands>;
  /** Ends everything; the store goes with it. */
  remove(): Promise<void>;
}

/** @param args what node runs, as in {@link spawnBridge} */
export async function startSystem(stores: Stores, args?: string[]): Promise<System> {
  const store = await stores.create();
  const adapter = forkChild<AdapterCommands>(join(__dirname, "adapter.ts"));
  const genesys = forkChild<GenesysCommands>(join(__dirname, "genesys.ts"));
  const settingsFile = join(store.directory, "settings.json");
  writeFileSync(settingsFile, JSON.stringify(writeSettings(await adapter.call("listen"))));
  const env = {
    ...store.env,
    OMB_CONFIG: settingsFile,
    ADMIN_TOKEN: "bench-admin-token",
    GENESYS_GATEWAY_URL: await genesys.call("listen"),
    GENESYS_CLIENT_ID: "bench",
    GENESYS_CLIENT_SECRET: "bench",
  };
  const logFile = join(store.directory, "bridge.log");
  const port = await findFreePort();
  const bridge = spawnBridge({ env, port, logFile, ...(args && { args }) });
  await bridge.ready();
  return {
    bridge,
    adapter,
    genesys,
    async remove() {
      bridge.kill();
      await bridge.ended;
      adapter.end();
      genesys.end();
      await store.remove();
    },
  };
}

function writeSettings(adapterUrl: string) {
  const secret = `whsec_${Buffer.from("a secret of thirty-two bytes ok!").toString("base64")}`;
  return {
    organisations: { main: { requestsPerMinute: 1_000_000 } },
    integrations: [{ ...integration, organisation: "main", signatureSecrets: [signatureSecret], channel: "chat" }],
    channels: { chat: { type: "http", url: adapterUrl, secret, confirms: "delivered" } },
  };
}
