/** What is asked and answered: one request and its whole answer. */
import type { IncomingHttpHeaders } from "node:http";

/** What came back. Nothing here is judged: a 500 is an answer like any other. */
export type HttpAnswer =
  | { kind: "answered"; status: number; headers: IncomingHttpHeaders; body: string }
  | {
      kind: "unanswered";
      /** For people, without addresses: `no answer in time`, `HTTP 200 cut short (UND_ERR_SOCKET)`, `ECONNREFUSED`. */
      problem: string;
      /** Of the system or of undici; `timeout` when the time limit was reached. */
      code: string;
      /** Whether the other side may have received the request all the same. */
      mayHaveArrived: boolean;
    };

export interface HttpRequest {
  /** @default "POST" */
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer | Uint8Array | string | undefined;
  /** Shorter than the exchange's own, for one of several requests that share a time limit. */
  timeoutMs?: number | undefined;
  /** Milliseconds since the epoch: later it is not begun any more, and counts as unanswered. @default when its time limit is over */
  startBy?: number | undefined;
}

export interface HttpExchange {
  /** Never throws. Redirects are answers and are not followed. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export interface ExchangeSettings {
  origin: string;
  /** Over connecting, sending and reading the whole answer. */
  timeoutMs: number;
  /** A longer answer is cut short. */
  maxAnswerBytes: number;
}
