/** `POST /oauth/token` (client credentials) and the tokens it gave out. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { unauthorized } from "./api-error";
import type { Answer, ApiClient, Route } from "./route";

/** An OAuth client that may log in. */
export interface ClientAccount {
  id: string;
  secret: string;
  /** Permissions of its roles, `domain:entity:action` with `*` allowed. @default ["*"] */
  permissions?: readonly string[];
  /** Life of a token; Genesys Cloud allows 300 to 172,800. @default 86400 */
  tokenSeconds?: number;
}

export interface IssuedToken {
  client: ApiClient;
  expiresAt: number;
}

export function createTokens({ clients, now }: { clients: readonly ClientAccount[]; now: () => number }) {
  const accounts = new Map(clients.map((client) => [client.id, client]));
  const issued = new Map<string, IssuedToken>();

  /**
   * Answers a token request. A wrong client gets the `invalid_client` body of the login service, which is not the
   * error form of the API.
   */
  function issueToken(authorization: string | undefined, form: URLSearchParams): Answer {
    const account = findAccount(authorization);
    if (!account) return refuse(401, "invalid_client", "client not found");
    if (form.get("grant_type") !== "client_credentials") {
      return refuse(400, "unsupported_grant_type", "only client_credentials is supported");
    }
    const seconds = account.tokenSeconds ?? 86_400;
    const token = randomBytes(32).toString("base64url");
    const client = { id: account.id, permissions: account.permissions ?? ["*"] };
    issued.set(token, { client, expiresAt: now() + seconds * 1000 });
    return {
      status: 200,
      body: { access_token: token, token_type: "bearer", expires_in: seconds - 1 },
      headers: { "Cache-Control": "no-store" },
    };
  }

  /** The token of an `Authorization` header and whose it is; throws the 401 that tells why not. */
  function checkBearer(authorization: string | undefined) {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) throw unauthorized("authentication.required");
    const found = issued.get(token);
    if (!found) throw unauthorized("bad.credentials");
    if (found.expiresAt <= now()) throw unauthorized("credentials.expired");
    return { token, client: found.client };
  }

  /** Ends one token, or all of them at once; they answer 401 `credentials.expired` from now on. */
  function expireTokens(token?: string) {
    for (const [name, found] of issued) if (token === undefined || token === name) found.expiresAt = now();
  }

  function findAccount(authorization: string | undefined) {
    const encoded = /^Basic +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const [id = "", ...rest] = Buffer.from(encoded, "base64").toString("utf8").split(":");
    const account = accounts.get(id);
    return account && isSameSecret(account.secret, rest.join(":")) ? account : undefined;
  }

  const routes: Route[] = [
    {
      method: "POST",
      path: "/oauth/token",
      open: true,
      raw: true,
      handle: ({ headers, body }) =>
        issueToken(String(headers["authorization"] ?? ""), new URLSearchParams(String(body))),
    },
    { method: "HEAD", path: "/api/v2/tokens/me", handle: () => ({ status: 200 }) },
    {
      method: "DELETE",
      path: "/api/v2/tokens/me",
      handle: ({ token }) => {
        expireTokens(token);
        return { status: 200 };
      },
    },
  ];

  return { checkBearer, expireTokens, routes };
}
export type Tokens = ReturnType<typeof createTokens>;

function refuse(status: number, error: string, description: string): Answer {
  return { status, body: { error, description, error_description: description } };
}

function isSameSecret(expected: string, given: string) {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
