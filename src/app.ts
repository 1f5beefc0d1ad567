/** Starts a bridge: builds its parts once and hands them to each other. */
import type { AddressInfo } from "node:net";
import { createMetrics } from "./admin/metrics";
import { openDatabase } from "./store/database";
import { warnOfCredentials } from "./app/credentials";
import { closeServer, createHttpServer, listen } from "./app/http";
import type { Bridge, BridgeOptions } from "./app/options";
import { codeOf, createReadiness, sayOnce } from "./app/readiness";
import { createParts } from "./app/worker";

export { listChannelProfiles, type ChannelProfile } from "./app/channels";
export type { Bridge, BridgeOptions, Roles } from "./app/options";
export { auditOptions, migrateStore, openReader } from "./app/reader";

/** Starts a bridge and resolves once it listens. Throws StartError when the store cannot be had. */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const { config, roles, log, now = Date.now } = options;
  const startedAt = now();
  const onStoreError = sayOnce((error: unknown) => log.storeFailed({ code: codeOf(error), error }), now);
  const database = openDatabase(config.database, { listen: roles.worker, onError: onStoreError });
  let stopping = false;

  try {
    const readiness = createReadiness(database, log, now);
    if (database.engine === "sqlite") await readiness.prepare();
    const prepared = readiness.prepareWhenReachable(() => stopping);

    const metrics = createMetrics();
    const parts = createParts(options, database, metrics, { isStopping: () => stopping, onStoreError });
    const server = createHttpServer(options, database, metrics, parts, readiness);
    await listen(server, config, !roles.web, log);
    void prepared.then(() => {
      if (!roles.worker || stopping) return;
      parts.worker.start();
      parts.upkeep.start();
      parts.mailboxes.start();
      for (const source of parts.telegram.sources) source.start();
    });

    void warnOfCredentials(config, parts.clients, log);

    const address = () => (server.address() as AddressInfo | null) ?? undefined;
    log.bridgeStarted({
      version: options.version,
      role: roles.web && roles.worker ? "web and worker" : roles.web ? "web" : "worker",
      host: config.host,
      port: address()?.port ?? config.port,
      database: config.database.kind,
      durationMs: now() - startedAt,
    });

    return {
      address,
      async stop() {
        stopping = true;
        const stoppedAt = now();
        await closeServer(server);
        await parts.telegram.stop();
        await Promise.all([parts.worker.stop(), parts.upkeep.stop(), parts.mailboxes.stop()]);
        await Promise.all([...parts.channels.values()].map((channel) => channel.close?.()));
        await parts.replays.close();
        await parts.media.close();
        await Promise.all([...parts.clients.values()].map((client) => client.close()));
        await database.close();
        log.bridgeStopped({ durationMs: now() - stoppedAt });
      },
    };
  } catch (error) {
    stopping = true;
    await database.close().catch(() => undefined);
    throw error;
  }
}
