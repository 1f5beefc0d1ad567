/** Settings for a command: complete, or the command ends with every problem listed. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, loadConfig } from "../config";
import { reportText } from "../config/report";
import { StartError } from "../errors";

/** Throws StartError with the list of problems. */
export function requireConfig(env: NodeJS.ProcessEnv): { config: Config; warnings: string[] } {
  const loaded = loadConfig({ env, readFile: (path) => readFileSync(path, "utf8") });
  if (!loaded.ok) throw new StartError(reportText(loaded).trimEnd());
  return loaded;
}

/** The token of the settings, or the one made once and kept in the data directory. */
export function findAdminToken(config: Config): { token: string; madeAt?: string } {
  if (config.adminToken !== undefined) return { token: config.adminToken };
  const path = join(config.dataDirectory, "admin-token");
  try {
    const token = readFileSync(path, "utf8").trim();
    if (token !== "") return { token };
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT")
      throw new StartError(`${path} cannot be read`, { cause: error });
  }
  const token = randomBytes(24).toString("base64url");
  try {
    mkdirSync(config.dataDirectory, { recursive: true });
    writeFileSync(path, `${token}\n`, { mode: 0o600 });
  } catch (error) {
    throw new StartError(`${path} cannot be written: make DATA_DIR writable, or set ADMIN_TOKEN`, { cause: error });
  }
  return { token, madeAt: path };
}
