/** What Genesys Cloud answered when it did not do what was asked, or why it could not be asked. */

/** An HTTP answer, as far as a failure shows in it; `data` is its body as JSON. */
export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  data?: unknown;
}

/** A request that did not succeed. No field but `detail` holds anything of the request or its texts. */
export interface GenesysFailure {
  /** What was asked, as `receipts.send`. */
  operation: string;
  /** HTTP status; undefined when no answer came. */
  status?: number | undefined;
  /** Genesys Cloud's code (`missing.permissions`), else `http.429`, or the code of the connection's failure. */
  code: string;
  /** `contextId` of the body or `ININ-Correlation-Id` of the headers: what Genesys' support asks for. */
  correlationId?: string | undefined;
  /** From `Retry-After`. */
  retryAfterMs?: number | undefined;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  /** Whether Genesys Cloud may have done what was asked all the same. */
  uncertain: boolean;
  /** The permissions that the OAuth client lacks. */
  permissions?: readonly string[];
  /** The fields of the request that Genesys Cloud names as wrong: `toAddress`. */
  fields?: readonly string[];
}

/** A request that did not succeed, typed by status and code; its message is fit for logs. */
export class GenesysError extends Error implements GenesysFailure {
  override name = "GenesysError";
  readonly operation: string;
  readonly status: number | undefined;
  readonly code: string;
  readonly correlationId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly retryable: boolean;
  readonly uncertain: boolean;
  readonly permissions: readonly string[];
  readonly fields: readonly string[];
  // Genesys' own sentence quotes values of the request, so it is kept where no log serialiser looks.
  readonly #detail: string;

  constructor(failure: GenesysFailure, options: { detail?: string | undefined; cause?: unknown } = {}) {
    super(describe(failure), options.cause === undefined ? {} : { cause: options.cause });
    this.operation = failure.operation;
    this.status = failure.status;
    this.code = failure.code;
    this.correlationId = failure.correlationId;
    this.retryAfterMs = failure.retryAfterMs;
    this.retryable = failure.retryable;
    this.uncertain = failure.uncertain;
    this.permissions = failure.permissions ?? [];
    this.fields = failure.fields ?? [];
    this.#detail = options.detail ?? "";
  }

  /** Genesys Cloud's own sentence. It may quote addresses and text: show it to operators, never log it. */
  get detail(): string {
    return this.#detail;
  }

  /** The same failure seen in another light. */
  with(changes: Partial<GenesysFailure>): GenesysError {
    const { operation, status, code, correlationId, retryAfterMs, retryable, uncertain, permissions, fields } = this;
    const failure = { operation, status, code, correlationId, retryAfterMs, retryable, uncertain, permissions, fields };
    return new GenesysError({ ...failure, ...changes }, { detail: this.#detail, cause: this.cause });
  }
}

/**
 * Reads an answer outside 2xx. Final are the 4xx that another try cannot change, all but 401, 408 and 429.
 * @see https://developer.genesys.cloud/platform/api/status-codes
 */
export function readRefusal(operation: string, { status, headers, data }: Answered, now: number): GenesysError {
  const body = isRecord(data) ? data : {};
  const sentences = [body.message, body.description, body.error_description];
  const failure: GenesysFailure = {
    operation,
    status,
    code: codeOf(body) ?? `http.${status}`,
    correlationId: correlationIdOf(body, headers),
    // A date is one of Genesys Cloud's clock, which its own Date header tells.
    retryAfterMs: readRetryAfter(headerOf(headers, "retry-after"), Date.parse(headerOf(headers, "date") ?? "") || now),
    retryable: status < 400 || status >= 500 || status === 401 || status === 408 || status === 429,
    // A 503 is refused at the door; after any other 5xx the request may have been carried out.
    uncertain: status >= 500 && status !== 503,
    permissions: status === 403 ? permissionsOf(body) : [],
    fields: fieldsOf(body),
  };
  return new GenesysError(failure, { detail: sentences.find((text) => typeof text === "string") });
}

/** Reads why no answer came: refused, unreachable, timed out, cut off. All of it is worth another try. */
export function readConnectionFailure(
  operation: string,
  { code, mayHaveArrived }: { code: string; mayHaveArrived: boolean },
): GenesysError {
  return new GenesysError({ operation, code, retryable: true, uncertain: mayHaveArrived });
}

/**
 * `Retry-After` in milliseconds, from seconds or an HTTP date; undefined when absent or neither.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Math.ceil(Number(value) * 1000);
  const at = / GMT\s*$/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function describe({ operation, status, code, correlationId, permissions = [] }: GenesysFailure): string {
  const missing = permissions.length > 0 ? `, missing ${permissions.join(", ")}` : "";
  const correlation = correlationId ? ` (correlation ${correlationId})` : "";
  return `${operation}: ${status === undefined ? "no answer" : `HTTP ${status}`}, ${code}${missing}${correlation}`;
}

function codeOf(body: Record<string, unknown>): string | undefined {
  return [body.code, body.error].find(
    (code): code is string => typeof code === "string" && /^[\w.-]{1,80}$/.test(code),
  );
}

function correlationIdOf(body: Record<string, unknown>, headers: Answered["headers"]): string | undefined {
  const ids = [body.contextId, headerOf(headers, "inin-correlation-id"), headerOf(headers, "genesys-correlation-id")];
  return ids.find((id): id is string => typeof id === "string" && /^[\w.:-]{1,100}$/.test(id));
}

function permissionsOf(body: Record<string, unknown>): string[] {
  const named = isRecord(body.messageParams) ? Object.values(body.messageParams).join(" ") : "";
  return [...new Set(`${named} ${body.message}`.match(/\b\w+:\w+:\w+\b/g))];
}

function fieldsOf(body: Record<string, unknown>): string[] {
  const details: unknown[] = Array.isArray(body.details) ? body.details : [];
  const names = details.map((detail) => (isRecord(detail) ? detail.fieldName : undefined));
  return names.filter((name): name is string => typeof name === "string" && /^[\w.[\]]{1,80}$/.test(name)).slice(0, 20);
}

function headerOf(headers: Answered["headers"], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
