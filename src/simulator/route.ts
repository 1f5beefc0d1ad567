/** What a route of the simulated API is, and which one a request belongs to. */
import { notFound } from "./api-error";

/** An OAuth client of the simulated organisation; `permissions` may end in `*`. */
export interface ApiClient {
  id: string;
  permissions: readonly string[];
}

/** One admitted request. */
export interface Call {
  /** A path parameter, decoded. */
  param(name: string): string;
  query: URLSearchParams;
  /** Parsed JSON; undefined when there was no body. Routes check it with `parseBody`. */
  body: unknown;
  headers: Record<string, string | string[] | undefined>;
  /** Undefined only on routes that are open to everybody, as is `token`. */
  client: ApiClient | undefined;
  token: string | undefined;
}

/** `body` is sent as JSON, a Buffer as it is; undefined means no body. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Permissions a client needs, as the API's documentation lists them per endpoint; absent: any valid token. */
export type PermissionRule = { all: readonly string[] } | { any: readonly string[] };

export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  /** With `{name}` for parameters, as the API's own documentation writes it. */
  path: string;
  needs?: PermissionRule;
  /** No token is asked for, and the rate limit does not count it. A body need not say that it is JSON. */
  open?: boolean;
  /** The body is handed over as bytes. */
  raw?: boolean;
  handle(call: Call): Answer | Promise<Answer>;
}

export interface Match {
  route: Route;
  params: Map<string, string>;
}

interface CompiledRoute {
  route: Route;
  segments: readonly string[];
}

/** Finds the route of a request. A fixed segment goes before a parameter: `/triggers/topics` before `/triggers/{triggerId}`. */
export function createRouter(routes: readonly Route[]) {
  const byShape = new Map<string, CompiledRoute[]>();
  for (const route of routes) {
    const segments = route.path.split("/");
    const shape = `${route.method} ${segments.length}`;
    byShape.set(shape, [...(byShape.get(shape) ?? []), { route, segments }]);
  }
  for (const compiled of byShape.values()) compiled.sort((a, b) => countParams(a) - countParams(b));

  function match(method: string, path: string): Match | undefined {
    const segments = path.split("/");
    for (const { route, segments: expected } of byShape.get(`${method} ${segments.length}`) ?? []) {
      const params = matchSegments(expected, segments);
      if (params) return { route, params };
    }
    return undefined;
  }

  return { match };
}

/** A reader of path parameters that fails loudly when a route asks for one its path does not have. */
export function readParams(params: Map<string, string>) {
  return (name: string) => {
    const value = params.get(name);
    if (value === undefined) throw new TypeError(`the path has no {${name}}`);
    return value;
  };
}

function countParams({ segments }: CompiledRoute) {
  return segments.filter(isParam).length;
}

function isParam(segment: string) {
  return segment.startsWith("{");
}

function matchSegments(expected: readonly string[], actual: readonly string[]): Map<string, string> | undefined {
  const params = new Map<string, string>();
  for (const [index, segment] of expected.entries()) {
    const value = actual[index] ?? "";
    if (isParam(segment)) {
      if (value === "") return undefined;
      params.set(segment.slice(1, -1), decode(value));
    } else if (segment !== value) return undefined;
  }
  return params;
}

function decode(segment: string) {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw notFound();
  }
}
