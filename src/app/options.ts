/** What a bridge is started with, and what starting it gives. */
import type { AddressInfo } from "node:net";
import type { Config } from "../config";
import type { Log } from "../log";

/** Which halves this process runs. */
export interface Roles {
  web: boolean;
  worker: boolean;
}

export interface BridgeOptions {
  config: Config;
  /** The token that opens the admin surface. */
  adminToken: string;
  roles: Roles;
  log: Log;
  version: string;
  now?: () => number;
  random?: () => number;
}

export interface Bridge {
  /** Where it listens; undefined when its port was taken and it could do without (a worker beside a web process). */
  address(): AddressInfo | undefined;
  /** Stops taking requests and tasks, finishes what it holds, closes everything. */
  stop(): Promise<void>;
}
