/** The store opened by a command, for what changes it while no bridge does. */
import { openChannels } from "./channels";
import { type AskedErasure, createEraser } from "./erasing";
import { openShelf } from "./media";
import { migrateStore } from "./reader";
import { createRules } from "./rules";
import { understand } from "./understand";
import type { Config } from "../config";
import { createWorker } from "../delivery/worker";
import { StoreHeld } from "../errors";
import type { ReplayRequest } from "../replay/request";
import { openDatabase } from "../store/database";
import type { Erased } from "../store/erase";
import { newId } from "../store/ids";
import { keepLines } from "./captures";
import { createReplayDesk, createReplayWork, createJudge } from "./replay";

/** What commands ask of the bridge, wherever it is done. */
export interface Desk {
  requestReplay(wanted: ReplayRequest): Promise<{ id: string; total: number }>;
  findReplay(id: string): Promise<object | undefined>;
  /** undefined: there is none; false: it has ended. */
  steerReplay(id: string, state: "paused" | "running" | "cancelled"): Promise<boolean | undefined>;
  keepCaptures(
    lines: string[],
  ): Promise<{ stored: number; known: number; refused: { index: number; problem: string }[] }>;
  erase(erasure: AskedErasure): Promise<Erased>;
  /** Lets go of it; what is under way is finished first. */
  close(): Promise<void>;
}

/**
 * Opens the store for writing and works off replays in it; undefined when another process holds it (SQLite).
 * Throws StartError when it cannot be opened.
 */
export async function openDesk(config: Config): Promise<Desk | undefined> {
  const now = Date.now;
  let database: ReturnType<typeof openDatabase>;
  try {
    await migrateStore(config);
    database = openDatabase(config.database, { listen: true });
  } catch (error) {
    if (error instanceof StoreHeld) return undefined;
    throw error;
  }
  const channels = openChannels(config, now);
  const rules = createRules(config);
  const parts = {
    config,
    channels,
    rulesOf: (integration: string, channel: string) => rules(integration, channels.get(channel)),
    understand,
    now,
    newId: () => newId(now()),
  };
  const work = createReplayWork(parts, database, { replayEnded: () => undefined });
  const worker = createWorker({ database, now, onError: () => undefined }, [work]);
  worker.start();
  const desk = createReplayDesk(parts, database);
  return {
    requestReplay: desk.request,
    findReplay: desk.find,
    steerReplay: desk.steer,
    keepCaptures: keepLines(parts, database),
    erase: createEraser(config, database, { now, removeFiles: openShelf(config, now).removeOf }),
    async close() {
      await worker.stop();
      await work.close();
      await Promise.all([...channels.values()].map((channel) => channel.close?.()));
      await database.close();
    },
  };
}

/** What today's code and these settings make of stored messages. */
export function openJudge(config: Config) {
  const channels = openChannels(config, Date.now);
  const rules = createRules(config);
  return {
    judge: createJudge({
      config,
      channels,
      rulesOf: (integration, channel) => rules(integration, channels.get(channel)),
      understand,
      now: Date.now,
      newId: () => newId(Date.now()),
    }),
    async close() {
      await Promise.all([...channels.values()].map((channel) => channel.close?.()));
    },
  };
}
