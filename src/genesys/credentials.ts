/** What to say of an OAuth client that could not log in. */
import type { GenesysError } from "./error";
import { addressesOf } from "./regions";

/**
 * Names the client, what the login host said, and what to look at. Webhooks are taken all the same: what is owed to
 * Genesys Cloud waits until the client can log in.
 */
export function describeCredentials(
  organisation: { name: string; region?: string | undefined; gatewayUrl?: string | undefined },
  clientId: string,
  { status, code }: Pick<GenesysError, "status" | "code">,
): string {
  const { loginUrl } = addressesOf(organisation);
  const who = `organisation ${organisation.name}: the OAuth client ${clientId}`;
  const meanwhile = "Messages are taken and delivered meanwhile; receipts and customers' messages wait.";
  if (status === undefined || status >= 500 || status === 429) {
    const why = status === undefined ? code : `HTTP ${status}`;
    return `${who} cannot log in, because ${loginUrl} cannot be used now (${why}). It is tried again. ${meanwhile}`;
  }
  return `${who} is refused by ${loginUrl} (HTTP ${status}, ${code}): check its id, its secret, that its grant type is Client Credentials, and that it belongs to this region. ${meanwhile}`;
}
