/** Erasures as people ask for them: one recipient, perhaps in one integration. */
import type { Config } from "../config";
import { BridgeError } from "../errors";
import type { Database } from "../store/database";
import { type Erased, eraseRecipient } from "../store/erase";
import type { EraseDeps } from "../store/erase-messages";

export interface AskedErasure {
  /** The recipient's id, exactly as messages name it. */
  recipient: string;
  /** Name or id; absent: every integration. */
  integration?: string | undefined;
}

/** Returns `erase(asked)`, which throws BridgeError `invalid_field` for an integration that nobody knows. */
export function createEraser({ integrations }: Pick<Config, "integrations">, database: Database, deps: EraseDeps) {
  /** All that an integration goes by. One that is no longer in the settings still has its messages. */
  async function findNames(integration: string): Promise<string[]> {
    const found = integrations.find(({ name, id }) => name === integration || id === integration);
    if (found !== undefined) return [found.name, found.id];
    const row = await database.read((db) =>
      db
        .selectFrom("messages")
        .select(["integration", "integration_id"])
        .where((eb) => eb.or([eb("integration", "=", integration), eb("integration_id", "=", integration)]))
        .limit(1)
        .executeTakeFirst(),
    );
    if (row !== undefined) return [row.integration, row.integration_id];
    const known = integrations.map(({ name }) => name).join(", ");
    throw new BridgeError(
      "invalid_field",
      `no integration is called ${integration}: there are ${known}`,
      "integration",
    );
  }

  return async function erase({ recipient, integration }: AskedErasure): Promise<Erased> {
    // It would name all that was erased before.
    if (recipient === "") throw new BridgeError("invalid_field", "the recipient's id is expected", "recipient");
    const names = integration === undefined ? undefined : await findNames(integration);
    return eraseRecipient(database, { recipient, integrations: names }, deps);
  };
}
