/** One call to the running bridge, which alone may change its store. */
import type { Config } from "../config";
import { connectBridge } from "./running";

export interface ServerCall {
  method: "GET" | "POST" | "DELETE";
  /** Under `/api/v1`, with its slash. */
  path: string;
  body?: unknown;
  /** Where it runs; on this machine when absent. */
  server?: string | undefined;
}

/**
 * Calls the API with the admin token of the settings and returns the answer as parsed.
 *
 * @throws StartError when no bridge answers there, BridgeError for what it refuses
 */
export async function callServer(config: Config, { method, path, body, server }: ServerCall): Promise<unknown> {
  const bridge = connectBridge(config, server);
  try {
    return await bridge.call(method, path, body);
  } finally {
    await bridge.close();
  }
}
