/** Asks the running bridge, which alone may change its store. */
import { request } from "undici";
import { z } from "zod";
import type { Config } from "../config";
import { BridgeError, type ErrorCode, StartError, statusOfCode } from "../errors";
import { readAdminToken } from "./settings";

const problem = z.object({ error: z.object({ code: z.string(), message: z.string(), field: z.string().optional() }) });

export interface ServerCall {
  method: "GET" | "POST" | "DELETE";
  /** Under `/api/v1`, with its slash. */
  path: string;
  body?: unknown;
  /** Where it runs; on this machine when absent. */
  server?: string | undefined;
}

/**
 * Calls the API with the admin token of the settings and returns the answer as parsed.
 *
 * @throws StartError when no bridge answers there, BridgeError for what it refuses
 */
export async function callServer(config: Config, { method, path, body, server }: ServerCall): Promise<unknown> {
  const base = server ?? `http://${isAny(config.host) ? "127.0.0.1" : bracket(config.host)}:${config.port}`;
  const token = readAdminToken(config);
  if (token === undefined) throw new StartError("no admin token is known: set ADMIN_TOKEN, or DATA_DIR of the bridge");
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  let status: number;
  let text: string;
  try {
    const answer = await request(`${base.replace(/\/$/, "")}/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    status = answer.statusCode;
    text = await answer.body.text();
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "no connection");
    throw new StartError(
      `no bridge answers at ${base} (${code}): start it with \`omb serve\`, or name it with --server`,
    );
  }
  const answered = parseJson(text);
  if (status >= 200 && status < 300 && answered !== undefined) return answered;
  const known = problem.safeParse(answered);
  if (!known.success) throw new StartError(`what answers at ${base} is no bridge (HTTP ${status})`);
  const { code, message, field } = known.data.error;
  throw new BridgeError(isCode(code) ? code : "internal", `the bridge says: ${message}`, field);
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function bracket(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(statusOfCode, code);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
