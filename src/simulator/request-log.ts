/** What was asked of the simulator, for tests and measurements. Never holds bodies or tokens. */

export interface LoggedRequest {
  /** Milliseconds, by the simulator's clock. */
  at: number;
  method: string;
  /** The route's path with its parameter names; `(none)` when no route matched. */
  route: string;
  path: string;
  /** What was answered; 0 when a fault cut the connection before anything was done. */
  status: number;
  /** Whose token it was; absent when there was no valid one. */
  clientId?: string;
  correlationId: string;
}

/**
 * Which requests to count: a route such as `POST /api/v2/…/receipt`, a client, or only those admitted, which are the
 * ones that use up a budget (no log-in, 401 or 429).
 */
export interface RequestFilter {
  route?: string;
  clientId?: string;
  admittedOnly?: boolean;
}

export function createRequestLog({ keep }: { keep: number }) {
  const requests: LoggedRequest[] = [];

  function add(request: LoggedRequest) {
    requests.push(request);
    // Cut in large steps: removing one from the front of a long array for every request would cost more than the request.
    if (requests.length >= keep * 1.25) requests.splice(0, requests.length - keep);
  }

  function list(filter: RequestFilter = {}) {
    return requests.filter((request) => isMeant(request, filter));
  }

  /** Number of requests per route, `METHOD path`. */
  function countByRoute() {
    const counts: Record<string, number> = {};
    for (const { method, route } of requests) {
      const name = `${method} ${route}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }

  /** The most requests that fell into any 60 seconds, wherever they start. */
  function busiestMinute(filter: RequestFilter = {}) {
    // A slow answer is logged after a quick one that was asked for later.
    const times = list(filter)
      .map((request) => request.at)
      .toSorted((a, b) => a - b);
    let most = 0;
    let start = 0;
    for (const [end, at] of times.entries()) {
      while ((times[start] ?? at) <= at - 60_000) start += 1;
      most = Math.max(most, end - start + 1);
    }
    return most;
  }

  return { add, list, countByRoute, busiestMinute, clear: () => requests.splice(0) };
}
export type RequestLog = ReturnType<typeof createRequestLog>;

function isMeant(request: LoggedRequest, { route, clientId, admittedOnly = false }: RequestFilter) {
  return (
    (route === undefined || route === `${request.method} ${request.route}`) &&
    (clientId === undefined || clientId === request.clientId) &&
    (!admittedOnly || (request.clientId !== undefined && request.status !== 429))
  );
}
