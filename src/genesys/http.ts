/** The wire below the SDK: one HTTP request over undici, with one time limit for all of it. */
import { type Dispatcher, request } from "undici";
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

export interface Wire {
  dispatcher: Dispatcher;
  timeoutMs: number;
}

/**
 * Sends a request and reads the whole answer, whatever its status.
 * @throws GenesysError when no answer came in time or at all
 */
export async function sendRequest(
  { dispatcher, timeoutMs }: Wire,
  operation: string,
  { url, method, headers, params, data }: HttpRequest,
): Promise<HttpResponse> {
  refuseDotSegments(operation, url);
  try {
    const response = await request(url + queryOf(params), {
      dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: data === undefined || typeof data === "string" ? data : JSON.stringify(data),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.body.text();
    return { status: response.statusCode, statusText: "", headers: response.headers, data: parseJson(text), text };
  } catch (error) {
    throw readConnectionFailure(operation, error);
  }
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
