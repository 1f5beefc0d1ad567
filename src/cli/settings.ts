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
  const known = readAdminToken(config);
  if (known !== undefined) return { token: known };
  const path = tokenPath(config);
  const token = randomBytes(24).toString("base64url");
  try {
    mkdirSync(config.dataDirectory, { recursive: true });
    writeFileSync(path, `${token}\n`, { mode: 0o600 });
  } catch (error) {
    throw new StartError(`${path} cannot be written: make DATA_DIR writable, or set ADMIN_TOKEN`, { cause: error });
  }
  return { token, madeAt: path };
}

/** The same, where there is one. */
export function readAdminToken(config: Config): string | undefined {
  if (config.adminToken !== undefined) return config.adminToken;
  const path = tokenPath(config);
  try {
    const token = readFileSync(path, "utf8").trim();
    return token === "" ? undefined : token;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw new StartError(`${path} cannot be read`, { cause: error });
  }
}

function tokenPath(config: Config): string {
  return join(config.dataDirectory, "admin-token");
}
