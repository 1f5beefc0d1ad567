/** Refusals in the form Genesys Cloud gives them (SDK model `ErrorBody`). */
import type { z } from "zod";

/** One entry of an error body's `details` (SDK model `Detail`). */
export interface ErrorDetail {
  errorCode: string;
  fieldName: string;
}

interface ErrorFacts {
  status: number;
  code: string;
  message: string;
  messageWithParams?: string;
  messageParams?: Record<string, string>;
  details?: ErrorDetail[];
  headers?: Record<string, string>;
}

/** Thrown by a route; the server turns it into an answer with a context id. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;
  constructor(private readonly facts: ErrorFacts) {
    super(facts.message);
    this.status = facts.status;
    this.code = facts.code;
    this.headers = facts.headers ?? {};
  }

  /** The body to answer; `contextId` equals the correlation header. */
  toBody(contextId: string) {
    const { message, code, status, messageWithParams, messageParams, details = [] } = this.facts;
    return { message, code, status, messageWithParams, messageParams, contextId, details, errors: [] };
  }
}

const malformed = "The request could not be understood by the server due to malformed syntax.";

/** 400 `bad.request`; `details` name the fields that were wrong. */
export function badRequest(message = malformed, details: ErrorDetail[] = []) {
  return new ApiError({ status: 400, code: "bad.request", message, details });
}

/** 404 `not.found`. */
export function notFound(message = "The requested resource was not found.") {
  return new ApiError({ status: 404, code: "not.found", message });
}

/** 401: no token, a token that nobody issued, or one whose time is over. */
export function unauthorized(code: "authentication.required" | "bad.credentials" | "credentials.expired") {
  const message = {
    "authentication.required": "No authentication bearer token specified in authorization header.",
    "bad.credentials": "Invalid login credentials.",
    "credentials.expired": "The supplied credentials have expired.",
  }[code];
  return new ApiError({ status: 401, code, message });
}

/** 403 that names every missing permission. `any`: one of them would have been enough. */
export function missingPermissions(permissions: readonly string[], rule: "all" | "any") {
  const names = permissions.join(", ");
  const lead =
    rule === "all"
      ? "Unable to perform the requested action. You are missing the following permission(s): "
      : "Unable to perform the requested action. You must have at least one of the following permissions assigned: ";
  return new ApiError({
    status: 403,
    code: rule === "all" ? "missing.permissions" : "missing.any.permissions",
    message: lead + names,
    messageWithParams: `${lead}{permissions}`,
    messageParams: { permissions: names },
  });
}

/** 429 with `Retry-After` in whole seconds, never 0. */
export function tooManyRequests(retryAfterSeconds: number) {
  return new ApiError({
    status: 429,
    code: "too.many.requests.retry.after",
    message: `Rate limit exceeded the maximum. Retry the request in [${retryAfterSeconds}] seconds`,
    headers: { "Retry-After": String(retryAfterSeconds) },
  });
}

/** 413: a body above `request.bytes.max`. */
export function requestTooLarge(limitBytes: number) {
  return new ApiError({
    status: 413,
    code: "request.entity.too.large",
    message: `The request is over the size limit of ${limitBytes} bytes.`,
  });
}

/** 415: a body that does not say it is JSON. */
export function unsupportedMediaType() {
  return new ApiError({
    status: 415,
    code: "unsupported.media.type",
    message: "Unsupported Media Type - Unsupported or incorrect media type, such as an incorrect Content-Type value.",
  });
}

/** The error that stands for a status, when nothing but the status is known. */
export function errorOf(status: number) {
  const [code, message] = wellKnown[status] ?? (status < 500 ? ["bad.request", malformed] : internal);
  return new ApiError({ status, code, message });
}

type CodeAndMessage = readonly [code: string, message: string];
const internal: CodeAndMessage = [
  "internal.server.error",
  "The server encountered an unexpected condition which prevented it from fulfilling the request.",
];
const wellKnown: Record<number, CodeAndMessage> = {
  401: ["bad.credentials", "Invalid login credentials."],
  403: ["not.authorized", "You are not authorized to perform the requested action."],
  404: ["not.found", "The requested resource was not found."],
  503: [
    "service.unavailable",
    "Service Unavailable - The server is currently unavailable (because it is overloaded or down for maintenance).",
  ],
  504: ["request.timeout", "The request timed out."],
};

/** Checks a request body; a failure is thrown as the 400 that Genesys Cloud would give. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw explainIssues(parsed.error.issues, body);
}

/** The first bad enum or date gets its own code; everything else is one `bad.request` naming every field. */
function explainIssues(issues: readonly z.core.$ZodIssue[], body: unknown) {
  const first = issues[0];
  if (first?.code === "invalid_value" && valueAt(body, first.path) !== undefined) {
    const allowed = first.values.map(String).join(", ");
    return new ApiError({
      status: 400,
      code: "invalid.value",
      message: `Value [${String(valueAt(body, first.path))}] is not valid for field type [${nameOf(first.path)}]. Allowable values are: ${allowed}`,
      details: [{ errorCode: "invalid.value", fieldName: nameOf(first.path) }],
    });
  }
  if (first?.code === "invalid_format" && first.format === "datetime") {
    return new ApiError({
      status: 400,
      code: "invalid.date",
      message: `The value of ${nameOf(first.path)} is not a date of the form yyyy-MM-ddTHH:mm:ss.SSSZ.`,
      details: [{ errorCode: "invalid.date", fieldName: nameOf(first.path) }],
    });
  }
  return badRequest(
    malformed,
    issues.map((issue) => ({
      errorCode: valueAt(body, issue.path) === undefined ? "field.required" : "field.invalid",
      fieldName: nameOf(issue.path),
    })),
  );
}

function nameOf(path: readonly PropertyKey[]) {
  return path.map(String).join(".");
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    body,
  );
}
