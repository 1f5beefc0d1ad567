/** Where a command changes the store: through the bridge that runs, or by itself when none does. */
import { type Desk, openDesk } from "../app/desk";
import type { Config } from "../config";
import { BridgeError } from "../errors";
import { connectBridge, isRunning, bridgeUrl, type RunningBridge } from "./running";

/** Throws StartError when a process holds the store that cannot be asked. */
export async function findDesk(config: Config): Promise<Desk & { isLocal: boolean }> {
  const isShared = config.database.kind === "postgres";
  if (isShared && (await isRunning(bridgeUrl(config)))) return askBridge(connectBridge(config));
  const own = await openDesk(config);
  return own === undefined ? askBridge(connectBridge(config)) : { ...own, isLocal: true };
}

const orders = { paused: "pause", running: "resume", cancelled: "cancel" } as const;

function askBridge(bridge: RunningBridge): Desk & { isLocal: boolean } {
  return {
    isLocal: false,
    requestReplay: (wanted) => {
      const { filter, ...rest } = wanted;
      const times = { since: timeOf(filter?.since), until: timeOf(filter?.until) };
      return bridge.call("POST", "/replays", {
        ...rest,
        ...(filter === undefined ? {} : { filter: { ...filter, ...times } }),
      });
    },
    findReplay: (id) => orUndefined(bridge.call("GET", `/replays/${encodeURIComponent(id)}`)),
    async steerReplay(id, state) {
      try {
        await bridge.call("POST", `/replays/${encodeURIComponent(id)}/${orders[state]}`);
        return true;
      } catch (error) {
        if (error instanceof BridgeError && error.code === "not_found") return undefined;
        if (error instanceof BridgeError && error.code === "conflict") return false;
        throw error;
      }
    },
    keepCaptures: (lines) => bridge.call("POST", "/captures", lines.join("\n")),
    erase: (erasure) => bridge.call("POST", "/erasures", erasure),
    close: bridge.close,
  };
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

async function orUndefined<Found>(found: Promise<Found>): Promise<Found | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof BridgeError && error.code === "not_found") return undefined;
    throw error;
  }
}
