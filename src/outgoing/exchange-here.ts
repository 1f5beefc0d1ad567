/** Exchanges in the calling thread, over undici. */
import type { IncomingHttpHeaders } from "node:http";
import { Pool } from "undici";
import type { ExchangeSettings, HttpAnswer, HttpExchange, HttpRequest } from "./http";

/**
 * Opens a pool to one origin.
 *
 * undici's `dispatch` stands below its `request`: the answer is gathered without a stream, and one timer spans connecting, sending and
 * reading, which undici's own time limits do only one by one.
 */
export function createExchangeHere(settings: ExchangeSettings): HttpExchange {
  const pool = new Pool(settings.origin, {
    connect: { timeout: settings.timeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: settings.maxAnswerBytes,
  });

  function send({
    timeoutMs = settings.timeoutMs,
    startBy = Date.now() + timeoutMs,
    method = "POST",
    path,
    headers: asked,
    body,
  }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      let abort: ((reason: Error) => void) | undefined;
      let isSettled = false;
      let status = 0;
      let headers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];

      const timer = setTimeout(() => {
        settle(unanswered("timeout", "no answer in time"));
        abort?.(new Error("no answer in time"));
      }, timeoutMs);

      function settle(answer: HttpAnswer): void {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        resolve(answer);
      }

      function unanswered(code: string, why = code): HttpAnswer {
        const problem = status === 0 ? why : `HTTP ${status} cut short (${why})`;
        return { kind: "unanswered", problem, code, mayHaveArrived: abort !== undefined };
      }

      try {
        pool.dispatch(
          { method, path, headers: asked, body },
          {
            onRequestStart(controller) {
              // The timer may be late: a process that was stopped in between comes by here first.
              if (Date.now() >= startBy) settle(unanswered("timeout", "no answer in time"));
              abort = (reason) => controller.abort(reason);
              if (isSettled) controller.abort(new Error("given up before it was sent"));
            },
            onResponseStart(_, statusCode, answered) {
              status = statusCode;
              headers = answered;
            },
            onResponseData(_, chunk) {
              chunks.push(chunk);
            },
            onResponseEnd() {
              const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString();
              settle({ kind: "answered", status, headers, body: text });
            },
            onResponseError(_, error) {
              settle(unanswered(nameProblem(error)));
            },
          },
        );
      } catch (error) {
        settle(unanswered(nameProblem(error)));
      }
    });
  }

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= pool.close();
    return closing;
  }

  return { send, close };
}

/** The code alone: messages of sockets and of TLS name addresses. */
function nameProblem(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "no connection";
}
