/** Every error the bridge raises on purpose, and the HTTP status each code stands for. */

/** Codes of the HTTP error shape `{ error: { code, message, field? } }`. */
export const statusOfCode = {
  unauthorized: 401,
  not_found: 404,
  too_large: 413,
  invalid_json: 400,
  invalid_field: 400,
  unsupported_media_type: 415,
  conflict: 409,
  rate_limited: 429,
  store_unavailable: 503,
  internal: 500,
} as const;
export type ErrorCode = keyof typeof statusOfCode;

/** A refusal or a fault, with a fixed code; `field` names what was wrong in the input. */
export class BridgeError extends Error {
  override name = "BridgeError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly field?: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The store cannot be written or read now. Genesys Cloud repeats a webhook answered 503. */
export class StoreUnavailable extends BridgeError {
  override name = "StoreUnavailable";
  constructor(message: string, options?: { cause?: unknown }) {
    super("store_unavailable", message, undefined, options);
  }
}

/** Something the program needs at start is missing or held by another process: said on stderr, exit 2. */
export class StartError extends Error {
  override name = "StartError";
}

/** Another process holds the store (SQLite has one writer): what is to be changed goes through that one. */
export class StoreHeld extends StartError {
  override name = "StoreHeld";
}

/** The body of an HTTP error answer. */
export function errorBody(error: { code: ErrorCode; message: string; field?: string | undefined }) {
  const { code, message, field } = error;
  return { error: field === undefined ? { code, message } : { code, message, field } };
}
