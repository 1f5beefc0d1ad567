/** One request and its whole answer over keep-alive connections: what channels and the Genesys Cloud client have in common. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createExchangeHere } from "./exchange-here";
import type { ExchangeSettings, HttpExchange } from "./http";
import { createThreadLink, type ThreadLink } from "./thread-link";

export type { HttpAnswer, HttpExchange, HttpRequest } from "./http";

/** Compiled; sources that are not built exchange in the calling thread. */
const program = join(__dirname, "thread.js");
let link: ThreadLink | undefined;

/**
 * Opens an exchange with one origin. In the built program all of them share a thread of their own: writing requests and reading
 * answers costs as much as deciding about them, and a second core can do it.
 */
export function createHttpExchange(
  settings: Omit<ExchangeSettings, "maxAnswerBytes"> & Partial<ExchangeSettings>,
): HttpExchange {
  const whole = { maxAnswerBytes: 65_536, ...settings };
  if (!existsSync(program)) return createExchangeHere(whole);
  link ??= createThreadLink(program);
  return link.open(whole);
}
