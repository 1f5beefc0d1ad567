/** Follows a running bridge until Ctrl-C, over its restarts. */
import { setTimeout as wait } from "node:timers/promises";
import type { Config } from "../config";
import { connectBridge, type StreamEvent } from "./running";

const reconnectMs = 1000;

/** Events of a stream. Throws StartError when no bridge answers at the start; later it is waited for. */
export async function* followBridge(
  config: Config,
  path: string,
  stderr: NodeJS.WritableStream,
): AsyncGenerator<StreamEvent> {
  const bridge = connectBridge(config);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  let last = "";
  let isConnected = false;
  try {
    while (!stopping.signal.aborted) {
      try {
        for await (const event of bridge.follow(path, stopping.signal, last)) {
          if (event.event === "open") {
            isConnected = true;
            continue;
          }
          yield event;
          last = event.id;
        }
        if (!stopping.signal.aborted) stderr.write("The bridge has ended; waiting for it.\n");
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!isConnected) throw error;
      }
      await wait(reconnectMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  } finally {
    process.removeListener("SIGINT", stop);
    process.removeListener("SIGTERM", stop);
    await bridge.close();
  }
}
