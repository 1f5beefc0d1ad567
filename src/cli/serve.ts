import { makeRoomForWork } from "./small-heap";
import { Command } from "commander";
import { startBridge } from "../app";
import { StartError } from "../errors";
import { createLog } from "../log";
import type { CommandContext } from "./output";
import { findAdminToken, requireConfig } from "./settings";
import { waitForSignal } from "./signals";

export function serveCommand({ env, version }: CommandContext): Command {
  return new Command("serve")
    .description("Run the bridge until SIGTERM or SIGINT.")
    .option("--web", "take requests only; needs DATABASE_URL")
    .option("--worker", "deliver only; needs DATABASE_URL")
    .option("--json", "say why it cannot start as JSON; its log is JSON always")
    .addHelpText("after", "\nExample:\n  OMB_CONFIG=config/default.json omb serve\n")
    .action(async (options: { web?: boolean; worker?: boolean }) => {
      const { config, warnings } = requireConfig(env);
      const both = (options.web ?? false) === (options.worker ?? false);
      const roles = { web: both || options.web === true, worker: both || options.worker === true };
      if (config.database.kind === "sqlite" && !both) {
        throw new StartError(
          `serve ${roles.web ? "--web" : "--worker"} needs DATABASE_URL: without it the store is one SQLite file that one process writes, so run plain \`omb serve\`.`,
        );
      }
      makeRoomForWork();
      const log = createLog({ level: config.logLevel });
      for (const warning of warnings) log.settingsDoubted({ warning });
      const { token, madeAt } = findAdminToken(config);
      if (madeAt !== undefined) log.adminTokenMade({ path: madeAt });
      const bridge = await startBridge({ config, adminToken: token, roles, log, version });
      const signal = await waitForSignal();
      log.bridgeStopping({ signal });
      await bridge.stop();
    });
}
