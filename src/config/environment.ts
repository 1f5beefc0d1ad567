/** The variables the bridge reads; `config/env.example` explains each of them. */
import { z } from "zod";
import { httpUrl, isPhoneNumber, mailbox, oneOf, region, text, urlOf } from "./fields";
import { describeFound, listProblems, type Problem } from "./problem";
import { readReference, type Sources } from "./references";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const port = text("a TCP port from 0 to 65535", (value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535);
const publicUrl = httpUrl().refine((value) => !/[?#]/.test(value), {
  error: "an http:// or https:// URL without query or fragment",
});
const sender = text(
  "an E.164 number, or a sender id of at most 11 letters and digits",
  (value) => isPhoneNumber(value) || /^[A-Za-z0-9 ]{1,11}$/.test(value),
);

const environment = z.object({
  OMB_CONFIG: text("the path of a JSON file").default("config/default.json"),
  PORT: port.default("3000").transform(Number),
  HOST: text("an address or host name to listen on", (value) => /^[\w.:%-]+$/.test(value)).default("0.0.0.0"),
  PUBLIC_URL: publicUrl.transform((value) => value.replace(/\/+$/, "")).optional(),
  DATABASE_URL: urlOf(["postgres:", "postgresql:"], "a postgres:// URL").optional(),
  DATA_DIR: text("the path of a directory").default("./data"),
  ADMIN_TOKEN: text("a token without spaces", isToken).optional(),
  EVENT_TOKEN: text("a token without spaces", isToken).optional(),
  GENESYS_REGION: region().optional(),
  GENESYS_CLIENT_ID: text("the id of an OAuth client").optional(),
  GENESYS_CLIENT_SECRET: text("the secret of that OAuth client").optional(),
  GENESYS_GATEWAY_URL: httpUrl().optional(),
  SMTP_URL: urlOf(["smtp:", "smtps:"], "an smtp:// or smtps:// URL").optional(),
  MAIL_FROM: mailbox().optional(),
  TWILIO_ACCOUNT_SID: text("an account SID: AC…", (value) => /^AC\w+$/.test(value)).optional(),
  TWILIO_AUTH_TOKEN: text("the auth token of the account").optional(),
  TWILIO_FROM: sender.optional(),
  TWILIO_MESSAGING_SERVICE_SID: text("a messaging service SID: MG…", (value) => /^MG\w+$/.test(value)).optional(),
  TWILIO_BASE_URL: httpUrl().optional(),
  LOG_LEVEL: oneOf(logLevels).default("info"),
});
export type Environment = z.infer<typeof environment>;
/** The variables as they are set, right or wrong. */
export type Given = Partial<Record<keyof Environment, string>>;
/** What both have in common. */
export type Texts = Omit<Given, "PORT" | "LOG_LEVEL">;

/** The names of all variables with a meaning of their own; others are read where a setting says `env:NAME`. */
export const variableNames = Object.keys(environment.shape);

/** The variables that may be shown when they are wrong. */
const shown = new Set(["OMB_CONFIG", "PORT", "HOST", "PUBLIC_URL", "DATA_DIR", "GENESYS_REGION", "LOG_LEVEL"]);

/**
 * Reads the variables. One that is set to nothing counts as unset; one that says `file:/path` is read from there, as
 * container platforms hand out secrets. In `environment`, the default stands for one that is wrong.
 */
export function readEnvironment(sources: Sources): { environment: Environment; given: Given; problems: Problem[] } {
  const problems: Problem[] = [];
  const raw: Record<string, string> = {};
  for (const name of variableNames) {
    const set = sources.env[name];
    if (set === undefined || set === "") continue;
    const read = readReference(`env:${name}`, sources);
    raw[name] = read.ok ? read.value : set;
    if (!read.ok) problems.push({ path: name, found: read.found, allowed: read.allowed });
  }
  const given: Given = { ...raw };
  const parsed = environment.safeParse(raw);
  if (parsed.success) return { environment: parsed.data, given, problems };
  problems.push(...listProblems(parsed.error, raw, ([name]) => !shown.has(String(name))));
  for (const { path } of parsed.error.issues) delete raw[String(path[0])];
  return { environment: environment.parse(raw), given, problems };
}

/** Says that a variable is needed but not set. */
export function missVariable(name: keyof Environment, allowed: string): Problem {
  return { path: name, found: describeFound(undefined, [name]), allowed };
}

function isToken(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}
