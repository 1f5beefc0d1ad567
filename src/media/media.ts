/** Gives channels attachments they can fetch: the URL as it came, or a copy of the file that the bridge serves. */
import type { Readable } from "node:stream";
import type { Message, Reason } from "../message/message";
import type { Remote, RemoteProblem } from "./remote";
import { signLink } from "./links";
import { FileTooLarge, nameFile, type Shelf } from "./shelf";
import { type Linked, listFiles, replaceUrls } from "./urls";

/**
 * How a channel's attachments are handed on.
 *
 * - `pass`: their URL as it is.
 * - `auto`: as it is, unless only Genesys Cloud's token opens it: then a copy. Other hosts would not give the bridge what they
 *   do not give the adapter, so they are not asked. A file that cannot be had is passed on by its URL; nothing waits for it.
 * - `rehost`: always a copy; a file that cannot be had fails the delivery.
 */
export interface MediaRule {
  mode: "pass" | "auto" | "rehost";
  /** Largest file. @default 25 MiB */
  maxBytes?: number | undefined;
  /** MIME types that may be copied, `image/*` among them; undefined: all. */
  mediaTypes?: readonly string[] | undefined;
}

/** The Genesys Cloud that a message came from. */
export interface MediaSource {
  /** Whether a URL is of its own hosts, which alone are shown the token. */
  owns(url: URL): boolean;
  token(): Promise<string>;
}

export interface MediaDeps {
  remote: Remote;
  shelf: Pick<Shelf, "find" | "keep">;
  /** Where links begin, without a slash at the end; undefined: no copy can be served. */
  publicUrl?: string | undefined;
  /** Signs the links. */
  linkKey: string;
  /** Of the organisation that the integration belongs to. */
  sourceOf(integration: string): MediaSource | undefined;
}

export type Prepared = { ok: true; message: Message } | { ok: false; retryable: boolean; reason: Reason };

/** Time for all files of one message together. */
export const mediaTimeoutMs = 20_000;
const defaultMaxBytes = 25 * 1024 * 1024;

/** Whether preparing this message may take longer than looking at it. */
export function needsMedia(message: Message, { mode }: MediaRule): boolean {
  return mode !== "pass" && listFiles(message).length > 0;
}

export function createMedia(deps: MediaDeps) {
  const opensToAll = createOnlooker(deps.remote);

  /** The message as the channel gets it. Asked again for the same message, it gives the same links. */
  return async function prepareMedia(message: Message, rule: MediaRule): Promise<Prepared> {
    if (!needsMedia(message, rule)) return { ok: true, message };
    const signal = AbortSignal.timeout(mediaTimeoutMs);
    const files = new Map(listFiles(message).map((file) => [file.url, file]));
    const placed = await Promise.all(
      [...files.values()].map((file) => place({ ...deps, opensToAll }, message, file, rule, signal)),
    );
    const problem = placed.flatMap((one) => ("problem" in one ? [one.problem] : []))[0];
    if (problem !== undefined) return { ok: false, retryable: problem.retryable, reason: reasonOf(problem) };
    const moved = placed.flatMap((one) => ("url" in one && one.url !== one.from ? [[one.from, one.url] as const] : []));
    return { ok: true, message: replaceUrls(message, new Map(moved)) };
  };
}

type Placed = { from: string; url: string } | { problem: RemoteProblem };

async function place(
  deps: MediaDeps & { opensToAll: ReturnType<typeof createOnlooker> },
  message: Message,
  file: Linked,
  rule: MediaRule,
  signal: AbortSignal,
): Promise<Placed> {
  const { url } = file;
  const { publicUrl, linkKey, shelf } = deps;
  const source = deps.sourceOf(message.integration);
  const isTheirs = URL.canParse(url) && source?.owns(new URL(url)) === true;
  if (rule.mode === "auto" && (!isTheirs || publicUrl === undefined)) return { from: url, url };
  const id = nameFile(message.id, url);
  const known = await shelf.find(id);
  const link = (kept: { expiresAt: number }) =>
    `${publicUrl}/media/${signLink({ id, expiresAt: kept.expiresAt }, linkKey)}`;
  if (known !== undefined) return { from: url, url: link(known) };
  if (rule.mode === "auto" && (await deps.opensToAll(file, signal))) return { from: url, url };
  const kept = await fetchFile(deps, id, file, rule, isTheirs ? source : undefined, signal);
  if (!("problem" in kept)) return { from: url, url: link(kept) };
  return rule.mode === "auto" ? { from: url, url } : kept;
}

/** Answers that are remembered, so that a message tried again and again is looked at once. */
const mostSeen = 1000;

/** Looks at the first byte: an address that gives a stranger the file needs no copy. */
function createOnlooker(remote: Remote) {
  const open = new Set<string>();
  return async function opensToAll(file: Linked, signal: AbortSignal): Promise<boolean> {
    if (open.has(file.url)) return true;
    const answer = await remote.open(file.url, { signal, range: "bytes=0-0" });
    if (!answer.ok) return false;
    drop(answer.body);
    if (!isPlausible(file, answer.mime)) return false;
    if (open.size >= mostSeen) open.clear();
    open.add(file.url);
    return true;
  };
}

/** What is not wanted is not waited for. */
function drop(body: Readable): void {
  body.on("error", () => undefined);
  body.destroy();
}

async function fetchFile(
  { remote, shelf }: MediaDeps,
  id: string,
  file: Linked,
  rule: MediaRule,
  source: MediaSource | undefined,
  signal: AbortSignal,
): Promise<{ expiresAt: number } | { problem: RemoteProblem }> {
  const limit = rule.maxBytes ?? defaultMaxBytes;
  const token = await source?.token().catch(() => undefined);
  const answer = await remote.open(file.url, { token, signal });
  if (!answer.ok) return { problem: answer.problem };
  const { mime, bytes = 0, body } = answer;
  const refusal =
    !isAllowed(mime, rule.mediaTypes) || !isPlausible(file, mime)
      ? "mediaType"
      : bytes > limit
        ? "tooLarge"
        : undefined;
  if (refusal !== undefined) {
    drop(body);
    return { problem: { kind: refusal, retryable: false, detail: refusal === "tooLarge" ? `${bytes} bytes` : mime } };
  }
  try {
    return await shelf.keep(id, body, { mime, filename: file.filename, limit, signal });
  } catch (error) {
    if (error instanceof FileTooLarge)
      return { problem: { kind: "tooLarge", retryable: false, detail: error.message } };
    return { problem: { kind: "unreachable", retryable: true, detail: "it could not be read to its end and kept" } };
  }
}

/** A page in place of a picture is a log-in or an error. */
function isPlausible({ mediaType, mime: told }: Linked, mime: string): boolean {
  const family = mediaType.toLowerCase();
  if (["image", "video", "audio"].includes(family))
    return mime.startsWith(`${family}/`) || mime === "application/octet-stream";
  return mime !== "text/html" || told?.startsWith("text/html") === true;
}

function isAllowed(mime: string, types: readonly string[] | undefined): boolean {
  if (types === undefined) return true;
  return types.some((type) => type === mime || (type.endsWith("/*") && mime.startsWith(type.slice(0, -1))));
}

function reasonOf({ kind, retryable, detail }: RemoteProblem): Reason {
  if (kind === "tooLarge")
    return { code: "InvalidMediaContentLength", message: `the attachment is too large: ${detail}` };
  if (kind === "mediaType") return { code: "MediaTypeNotAllowed", message: `the attachment is of the type ${detail}` };
  const code = retryable ? "ServerError" : "GeneralError";
  return { code, message: `the attachment could not be fetched: ${detail}` };
}
