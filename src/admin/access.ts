/** Who may use the admin surface: the bearer of the admin token. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import { BridgeError } from "../errors";

/** Lets a request through only with `Authorization: Bearer` and one of these tokens. */
export function requireToken(...tokens: readonly string[]) {
  const expected = tokens.map(digest);
  return function checkToken(req: Request, res: Response, next: NextFunction): void {
    const [scheme, given] = (req.headers.authorization ?? "").split(" ");
    if (scheme?.toLowerCase() !== "bearer" || given === undefined || !isOneOf(digest(given), expected)) {
      res.setHeader("www-authenticate", 'Bearer realm="open-messaging-bridge"');
      throw new BridgeError("unauthorized", "this needs `Authorization: Bearer` with the admin token");
    }
    next();
  };
}

/** Compares with each of them, whatever is found. */
function isOneOf(given: Buffer, expected: readonly Buffer[]): boolean {
  return expected.filter((one) => timingSafeEqual(given, one)).length > 0;
}

/** Equal lengths for the comparison, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
