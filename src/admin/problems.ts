/** Turns what routes throw into the HTTP error shape. */
import type { NextFunction, Request, Response } from "express";
import { BridgeError, type ErrorCode, errorBody, StoreUnavailable, statusOfCode } from "../errors";

export function answerNotFound(req: Request): never {
  throw new BridgeError("not_found", `there is no ${req.method} ${req.path}`);
}

/** Express's error handler: a fixed code for each status, and no detail of faults that are ours. */
export function createErrorHandler(log: {
  requestFailed(facts: { path: string; httpStatus: number; code: string; error: unknown }): void;
}) {
  return function answerProblem(error: unknown, req: Request, res: Response, next: NextFunction): void {
    if (res.headersSent) {
      next(error);
      return;
    }
    const known = knownError(error);
    if (known.code === "internal" || known.code === "store_unavailable") {
      const path = String(req.route?.path ?? "unknown route");
      log.requestFailed({ path, httpStatus: statusOfCode[known.code], code: known.code, error });
    }
    if (known.code === "store_unavailable") res.setHeader("retry-after", "5");
    res.status(statusOfCode[known.code]).json(errorBody(known));
  };
}

function knownError(error: unknown): { code: ErrorCode; message: string; field?: string | undefined } {
  if (error instanceof StoreUnavailable || (error instanceof BridgeError && error.code !== "internal")) return error;
  // Errors of Express and body-parser carry a status, those of body-parser a `type`, too.
  const { type, status } = (error ?? {}) as { type?: unknown; status?: unknown };
  if (type === "entity.too.large") return { code: "too_large", message: "the body is larger than maxBodyBytes" };
  if (type === "encoding.unsupported") {
    return { code: "unsupported_media_type", message: "compressed bodies are not taken" };
  }
  if (type === "charset.unsupported") return { code: "unsupported_media_type", message: "the body must be UTF-8" };
  if (type === "entity.parse.failed") return { code: "invalid_json", message: "the body is not JSON" };
  // A path that cannot be decoded is the path of nothing.
  if (error instanceof URIError) return { code: "not_found", message: "the path is not well encoded" };
  if (typeof status === "number" && status >= 400 && status < 500) {
    return { code: "invalid_json", message: "the body cannot be read" };
  }
  return { code: "internal", message: "the request could not be handled" };
}
