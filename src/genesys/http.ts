/** The wire below the SDK: one HTTP request, with one time limit for all of it. */
import { createHttpExchange, type HttpExchange, type HttpRequest as Exchanged } from "../outgoing/exchange";
import { GenesysError, readConnectionFailure } from "./error";

export interface HttpRequest {
  url: string;
  method: string;
  headers?: Record<string, string>;
  /** Query parameters, not yet encoded. */
  params?: Record<string, string>;
  /** A string goes out as it is, anything else as JSON. */
  data?: unknown;
}

/** An answer of any status, in the shape the SDK expects of an HTTP client. */
export interface HttpResponse {
  status: number;
  statusText: string;
  headers: Record<string, string | string[] | undefined>;
  /** The body parsed as JSON; undefined when it is empty or not JSON. */
  data: unknown;
  text: string;
}

/** Connections to the hosts of one region. */
export interface Wire {
  exchangeWith(origin: string): HttpExchange;
  close(): Promise<void>;
}

/** Answers are read whole; the conversation of a long day stays far below this. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** @param timeoutMs of one request, from connecting to the last byte */
export function openWire(timeoutMs: number): Wire {
  const exchanges = new Map<string, HttpExchange>();
  return {
    exchangeWith(origin) {
      let exchange = exchanges.get(origin);
      if (exchange === undefined) {
        exchange = createHttpExchange({ origin, timeoutMs, maxAnswerBytes });
        exchanges.set(origin, exchange);
      }
      return exchange;
    },
    async close() {
      await Promise.all([...exchanges.values()].map((exchange) => exchange.close()));
    },
  };
}

/**
 * Sends a request and reads the whole answer, whatever its status.
 * @throws GenesysError when no answer came in time or at all
 */
export async function sendRequest(
  wire: Wire,
  operation: string,
  { url, method, headers, params, data }: HttpRequest,
): Promise<HttpResponse> {
  refuseDotSegments(operation, url);
  const { origin, pathname, search } = new URL(url + queryOf(params));
  const answer = await wire.exchangeWith(origin).send({
    method: method as Exchanged["method"],
    path: pathname + search,
    headers: headers ?? {},
    body: data === undefined || typeof data === "string" ? data : JSON.stringify(data),
  });
  if (answer.kind === "unanswered") throw readConnectionFailure(operation, answer);
  const { status, headers: answered, body: text } = answer;
  return { status, statusText: "", headers: answered, data: parseJson(text), text };
}

/** Ids stand in the path; `..` as an id would be resolved away there and ask for something else. */
function refuseDotSegments(operation: string, url: string): void {
  if (/\/\.{1,2}(\/|$)/.test(url)) {
    throw new GenesysError({ operation, code: "invalid.id", retryable: false, uncertain: false });
  }
}

function queryOf(params: Record<string, string> = {}): string {
  const query = new URLSearchParams(params).toString();
  return query === "" ? "" : `?${query}`;
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
