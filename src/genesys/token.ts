/** One token per OAuth client, however many callers wait for it. */
import { z } from "zod";
import { GenesysError, readRefusal } from "./error";
import { sendRequest, type Wire } from "./http";

export const token = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
export type Token = z.infer<typeof token>;

export interface TokenKeeper {
  /** A token that is valid now. */
  get(): Promise<string>;
  /** A token in place of one that Genesys Cloud answered with 401; the callers of one token share one new one. */
  replace(rejected: string): Promise<string>;
  /** Whether there is no valid token and a pause after a failed log-in is running: another OAuth client can serve meanwhile. */
  isFailing(): boolean;
}

export interface TokenKeeperDeps {
  /** Gets a new token. */
  logIn: () => Promise<Token>;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** How long before its end a token is renewed: a fifth of its life, at most five minutes. */
const refreshAheadShare = 0.2;
const refreshAheadMaxMs = 300_000;
/** Failed log-ins are spaced out, so that a wrong secret does not hammer the login host. */
const firstPauseMs = 1_000;
const maxPauseMs = 60_000;

/**
 * Keeps a token fresh: fetched when first asked for, renewed in the background ahead of its end while the old one
 * serves on. After a failure nothing is asked for a pause of 1 s, doubling to 60 s (or `Retry-After`), in which
 * callers meet the same error.
 */
export function createTokenKeeper({ logIn, now }: TokenKeeperDeps): TokenKeeper {
  let current: { value: string; renewAt: number; endsAt: number } | undefined;
  let pending: Promise<string> | undefined;
  let failure: { error: GenesysError; count: number; until: number } | undefined;

  async function get(): Promise<string> {
    const at = now();
    if (!current || at >= current.endsAt) return renew();
    // A failure here is met again by whoever needs a token after this one has ended.
    if (at >= current.renewAt) renew().catch(() => undefined);
    return current.value;
  }

  async function replace(rejected: string): Promise<string> {
    if (current?.value === rejected) current = undefined;
    return get();
  }

  async function renew(): Promise<string> {
    if (failure && now() < failure.until) throw failure.error.with({ retryAfterMs: failure.until - now() });
    pending ??= fetchNew().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  async function fetchNew(): Promise<string> {
    const askedAt = now();
    try {
      const { access_token: value, expires_in: seconds } = await logIn();
      const endsAt = askedAt + seconds * 1000;
      current = { value, endsAt, renewAt: endsAt - Math.min(refreshAheadMaxMs, seconds * 1000 * refreshAheadShare) };
      failure = undefined;
      return value;
    } catch (error) {
      if (!(error instanceof GenesysError)) throw error;
      const count = (failure?.count ?? 0) + 1;
      const pauseMs = Math.max(Math.min(firstPauseMs * 2 ** (count - 1), maxPauseMs), error.retryAfterMs ?? 0);
      // A wrong secret or a login host that is down is no fault of the call that waits, which has not been sent.
      failure = { error: error.with({ retryable: true, uncertain: false }), count, until: now() + pauseMs };
      throw failure.error.with({ retryAfterMs: pauseMs });
    }
  }

  function isFailing(): boolean {
    return failure !== undefined && !(current && now() < current.endsAt) && now() < failure.until;
  }

  return { get, replace, isFailing };
}

export interface OAuthClient {
  id: string;
  secret: string;
}

/**
 * Logs in with client credentials.
 * @throws GenesysError when the login host refuses or does not answer
 * @see https://developer.genesys.cloud/authorization/platform-auth/use-client-credentials
 */
export async function fetchToken(
  wire: Wire,
  loginUrl: string,
  { id, secret }: OAuthClient,
  now: () => number,
): Promise<Token> {
  const operation = "oauth.token";
  const answer = await sendRequest(wire, operation, {
    url: `${loginUrl}/oauth/token`,
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
    },
    data: "grant_type=client_credentials",
  });
  if (answer.status < 200 || answer.status > 299) throw readRefusal(operation, answer, now());
  const parsed = token.safeParse(answer.data);
  if (parsed.success) return parsed.data;
  const { status } = answer;
  throw new GenesysError({ operation, status, code: "invalid.answer", retryable: true, uncertain: false });
}
