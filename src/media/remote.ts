/** Fetches what a URL out of a message points at, without being led into a network of our own. */
import { lookup as lookUpName, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP } from "node:net";
import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import { hasPrivateHost, isPrivateAddress } from "./private-address";

/** Why there is nothing to have. `retryable`: another try may bring it. */
export interface RemoteProblem {
  kind: "private" | "refused" | "unreachable" | "tooLarge" | "mediaType";
  retryable: boolean;
  /** For people, without the URL: `HTTP 404`. */
  detail: string;
}

export type RemoteAnswer =
  | {
      ok: true;
      mime: string /** Undefined when the other side does not tell. */;
      bytes: number | undefined;
      body: Readable;
    }
  | { ok: false; problem: RemoteProblem };

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;
export type Lookup = (hostname: string, options: LookupOptions, callback: LookupCallback) => void;

export interface RemoteDeps {
  /** Origins that may be private all the same: the gateway that stands for Genesys Cloud on a developer's machine. */
  trustedOrigins: readonly string[];
  /** @default the name service of the system */
  lookup?: Lookup;
}

export interface Remote {
  /**
   * Sends a GET and follows its redirects. `token` goes to the first address alone, as a bearer token. Never throws for what
   * the other side does; whoever gets a body reads it to its end or destroys it.
   */
  open(
    url: string,
    options: { token?: string | undefined; signal: AbortSignal; range?: string },
  ): Promise<RemoteAnswer>;
  close(): Promise<void>;
}

const mostRedirects = 5;
const privateCode = "EPRIVATE";

/**
 * Addresses are checked where they are connected to, after the name service has answered, for every hop: a name that resolves
 * to a private address, once or now and then, leads nowhere.
 */
export function createRemote({ trustedOrigins, lookup = lookUpName as Lookup }: RemoteDeps): Remote {
  const guarded = new Agent({ connect: { lookup: guardLookup(lookup) as never } });
  const open = new Agent();

  async function follow(
    url: string,
    { token, signal, range }: Parameters<Remote["open"]>[1],
    hops: number,
  ): Promise<RemoteAnswer> {
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (
      target === undefined ||
      !/^https?:$/.test(target.protocol) ||
      target.username !== "" ||
      target.password !== ""
    ) {
      return fail("refused", false, "no http(s) URL");
    }
    const isTrusted = trustedOrigins.includes(target.origin);
    if (!isTrusted && hasPrivateHost(url)) return fail("private", false, "a private address");
    const answer = await request(target, {
      method: "GET",
      dispatcher: isTrusted ? open : guarded,
      signal,
      headers: {
        accept: "*/*",
        "accept-encoding": "identity",
        "user-agent": "open-messaging-bridge",
        ...(range === undefined ? {} : { range }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    });
    const { location } = answer.headers;
    if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === "string") {
      await discard(answer.body);
      if (hops >= mostRedirects) return fail("refused", false, "too many redirects");
      if (!URL.canParse(location, url)) return fail("refused", false, "a redirect to nowhere");
      return follow(new URL(location, url).href, { signal, ...(range === undefined ? {} : { range }) }, hops + 1);
    }
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      await discard(answer.body);
      const passing = answer.statusCode >= 500 || [401, 408, 425, 429].includes(answer.statusCode);
      return fail("refused", passing, `HTTP ${answer.statusCode}`);
    }
    return { ok: true, mime: readMime(answer.headers["content-type"]), bytes: readLength(answer), body: answer.body };
  }

  return {
    async open(url, options) {
      try {
        return await follow(url, options, 0);
      } catch (error) {
        const code = String((error as { code?: unknown } | null)?.code ?? "no connection");
        if (code === privateCode) return fail("private", false, "a name that leads to a private address");
        return fail("unreachable", true, options.signal.aborted ? "no answer in time" : code);
      }
    },
    async close() {
      await Promise.all([guarded.destroy(), open.destroy()]);
    },
  };
}

/** A name service that answers with public addresses only; a name with a single private one counts as private. */
export function guardLookup(lookup: Lookup): Lookup {
  return function lookUpPublic(hostname, options, callback) {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      if (error !== null || addresses[0] === undefined) {
        callback(error ?? new Error("the name has no address"), "", 0);
      } else if (addresses.some(({ address }) => isPrivateAddress(address))) {
        callback(Object.assign(new Error("the name leads to a private address"), { code: privateCode }), "", 0);
      } else if (options.all) {
        callback(null, addresses);
      } else {
        callback(null, addresses[0].address, addresses[0].family);
      }
    });
  };
}

function fail(kind: RemoteProblem["kind"], retryable: boolean, detail: string): RemoteAnswer {
  return { ok: false, problem: { kind, retryable, detail } };
}

/** Lower case, without parameters. */
function readMime(value: string | string[] | undefined): string {
  const text = Array.isArray(value) ? value[0] : value;
  return text?.split(";", 1)[0]?.trim().toLowerCase() || "application/octet-stream";
}

function readLength({ headers }: Dispatcher.ResponseData): number | undefined {
  const value = headers["content-length"];
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** What is not wanted is not waited for. */
async function discard(body: Readable): Promise<void> {
  body.on("error", () => undefined);
  body.destroy();
}
