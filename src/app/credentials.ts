/** Whether Genesys Cloud knows the OAuth clients. */
import type { Config } from "../config";
import { describeCredentials } from "../genesys/credentials";
import type { GenesysError } from "../genesys/error";
import type { Log } from "../log";
import type { GenesysClient } from "../genesys/client";

/** Says at once what would otherwise show only when the first receipt is due; nothing waits for it. */
export async function warnOfCredentials(
  config: Config,
  clients: ReadonlyMap<string, Pick<GenesysClient, "checkCredentials">>,
  log: Log,
): Promise<void> {
  for (const organisation of config.organisations) {
    for (const { clientId, answer } of (await clients.get(organisation.name)?.checkCredentials()) ?? []) {
      if (answer.status === "done") continue;
      const { status: httpStatus, code } = answer.error;
      const warning = describeCredentials(organisation, clientId, answer.error);
      log.genesysDoubted({ organisation: organisation.name, code, warning, ...(httpStatus && { httpStatus }) });
    }
  }
}

export function describeRefusal({ status, code, permissions, correlationId, retryable, retryAfterMs }: GenesysError) {
  return {
    code,
    retryable,
    ...(status === undefined ? {} : { httpStatus: status }),
    ...(permissions.length === 0 ? {} : { permissions }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(retryAfterMs === undefined ? {} : { waitMs: retryAfterMs }),
  };
}
