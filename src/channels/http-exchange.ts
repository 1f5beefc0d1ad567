/** One POST and its whole answer over a keep-alive pool: what http, forward and telegram have in common. */
import type { IncomingHttpHeaders } from "node:http";
import { Pool } from "undici";

const maxAnswerBytes = 65_536;

/** What came back. Nothing here is judged: a 500 is an answer like any other. */
export type HttpAnswer =
  | { kind: "answered"; status: number; headers: IncomingHttpHeaders; body: string }
  | {
      kind: "unanswered";
      /** For people, without addresses: `no answer in time`, `HTTP 200 cut short (UND_ERR_SOCKET)`. */
      problem: string;
      /** Whether the other side may have received the request all the same. */
      mayHaveArrived: boolean;
    };

export interface HttpRequest {
  path: string;
  headers: Record<string, string>;
  body: Buffer | string;
  /** Shorter than the pool's own, for one of several requests that share a time limit. */
  timeoutMs?: number | undefined;
}

export interface HttpExchange {
  /** Never throws. Redirects are answers and are not followed. */
  post(request: HttpRequest): Promise<HttpAnswer>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/**
 * Opens a pool to one origin.
 *
 * undici's `dispatch` stands below its `request`: the answer is gathered without a stream, and one timer spans connecting, sending and
 * reading, which undici's own time limits do only one by one.
 *
 * @param settings.timeoutMs over the whole exchange
 */
export function createHttpExchange(settings: { origin: string; timeoutMs: number }): HttpExchange {
  const pool = new Pool(settings.origin, {
    connect: { timeout: settings.timeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: maxAnswerBytes,
  });

  function post({ timeoutMs = settings.timeoutMs, ...request }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      let abort: ((reason: Error) => void) | undefined;
      let isSettled = false;
      let status = 0;
      let headers: IncomingHttpHeaders = {};
      const chunks: Buffer[] = [];

      const timer = setTimeout(() => {
        settle(unanswered("no answer in time"));
        abort?.(new Error("no answer in time"));
      }, timeoutMs);

      function settle(answer: HttpAnswer): void {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        resolve(answer);
      }

      function unanswered(problem: string): HttpAnswer {
        const known = status === 0 ? problem : `HTTP ${status} cut short (${problem})`;
        return { kind: "unanswered", problem: known, mayHaveArrived: abort !== undefined };
      }

      try {
        pool.dispatch(
          { method: "POST", ...request },
          {
            onRequestStart(controller) {
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
              const body = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString();
              settle({ kind: "answered", status, headers, body });
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

  return { post, close };
}

/** The code alone: messages of sockets and of TLS name addresses. */
function nameProblem(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "no connection";
}
