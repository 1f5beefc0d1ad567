/** Numbered migrations, applied under a lock at start and by `omb migrate`. */
import { type Migration, Migrator } from "kysely";
import { StartError } from "../errors";
import type { Database } from "./database";
import { classifyFault } from "./faults";
import { road } from "./migrations/001-road";
import { inbound } from "./migrations/002-inbound";
import { replay } from "./migrations/003-replay";
import { fallback } from "./migrations/004-fallback";
import { contacts } from "./migrations/005-contacts";
import { attempts } from "./migrations/006-attempts";
import { fates } from "./migrations/007-fates";
import { lanes } from "./migrations/008-lanes";

/** Brings the schema up to date and returns the names of the migrations it applied. */
export async function migrate({ db, engine }: Database): Promise<string[]> {
  const migrations: Record<string, Migration> = {
    "001-road": road(engine),
    "002-inbound": inbound,
    "003-replay": replay(engine),
    "004-fallback": fallback(engine),
    "005-contacts": contacts(engine),
    "006-attempts": attempts,
    "007-fates": fates(engine),
    "008-lanes": lanes(engine),
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) {
    const failed = results?.find((one) => one.status === "Error")?.migrationName;
    const fault = classifyFault(error);
    const why = fault instanceof Error ? fault.message : String(fault);
    throw new StartError(failed === undefined ? why : `migration ${failed} failed: ${why}`, { cause: error });
  }
  return (results ?? []).filter((one) => one.status === "Success").map((one) => one.migrationName);
}
