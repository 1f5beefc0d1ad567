/** Holds sources to the import rules: which part may use which, and which part each package belongs to. */
import { posix } from "node:path";
import { parseSync } from "@swc/core";

/** What each part may import of ours, itself aside: whole parts, or single files of one. */
const mayImport: Record<string, readonly string[]> = {
  main: ["cli", "app", "config", "simulator", "webhook/signature", "message", "errors", "log"],
  cli: [
    ...["app", "config", "demo", "simulator", "webhook/signature", "webhook/diagnose", "webhook/body", "message"],
    ...["adapter-kit", "replay/capture-file", "errors", "log"],
  ],
  demo: [
    ...["app", "config", "simulator", "webhook/signature", "standard-webhooks"],
    ...["cli/output", "cli/settings", "errors", "log"],
  ],
  index: ["app", "webhook", "message", "channels/channel", "errors", "standard-webhooks"],
  app: [
    ...["webhook", "replay", "admin", "campaigns", "contacts", "delivery"],
    ...["store", "channels", "genesys", "fallback", "media", "message"],
    ...["config", "errors", "log", "standard-webhooks"],
  ],
  webhook: ["store", "media/private-address", "message", "errors", "log", "standard-webhooks"],
  replay: ["store", "message", "errors", "log"],
  admin: ["store", "message", "errors", "log"],
  campaigns: ["store", "message", "errors", "log"],
  contacts: ["store", "message", "errors", "log"],
  delivery: ["store", "channels/channel", "fallback", "message", "errors", "log"],
  store: ["message", "errors", "log"],
  channels: ["outgoing", "message", "errors", "log", "standard-webhooks"],
  "adapter-kit": ["channels", "outgoing", "message", "errors", "standard-webhooks"],
  genesys: ["outgoing", "message", "errors", "log"],
  outgoing: [],
  fallback: ["message", "errors", "log"],
  media: ["message", "errors", "log"],
  config: ["message", "genesys/regions", "fallback/render", "fallback/wording", "errors"],
  message: ["errors"],
  simulator: ["message"],
  "standard-webhooks": ["errors"],
  log: [],
  errors: [],
};

/** Where each package may be imported; zod, which describes data, and Node's own modules are open to all. */
const mayUsePackage: Record<string, readonly string[]> = {
  "purecloud-platform-client-v2": ["genesys/client"],
  kysely: ["store"],
  libsql: ["store"],
  pg: ["store"],
  nodemailer: ["channels"],
  imapflow: ["channels"],
  "smtp-server": ["demo"],
  "postal-mime": ["demo"],
  twilio: ["channels"],
  undici: ["outgoing", "channels", "replay", "simulator", "adapter-kit", "cli", "media"],
  express: ["app", "webhook", "replay", "admin", "campaigns", "contacts", "simulator", "media"],
  helmet: ["app", "admin"],
  "prom-client": ["app", "admin"],
  pino: ["log"],
  commander: ["main", "cli"],
  luxon: ["config", "fallback"],
  liquidjs: ["fallback"],
  "libphonenumber-js": ["channels", "fallback", "contacts", "campaigns"],
  standardwebhooks: ["standard-webhooks"],
};

/** Meaning is pure: no file, no network, no clock. */
const mayUseInMessage = ["zod", "node:crypto"];

/** Sources by their path under src: `webhook/signature.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** Every rule that sources break, as `file: what`; in the order of the files, cycles last. */
export function findViolations(sources: Sources): string[] {
  const graph = new Map<string, string[]>();
  const violations: string[] = [];
  for (const [file, source] of sources) {
    const uses = readUses(source);
    const targets: string[] = [];
    const report = (what: string) => violations.push(`${file}: ${what}`);
    if (!Object.hasOwn(mayImport, partOf(file))) report("is in a part that is not on the map");
    if (/(^|[/.-])(utils?|helpers?|common|services?)(?=[/.-])/.test(file)) report("has a name that says nothing");
    if (uses.environment && !isOneOf(file, ["main", "config"])) report("reads the environment");
    if (uses.console && !isOneOf(file, ["main", "cli"])) report("writes to the console");
    if (uses.computedImport) report("imports what cannot be known");
    for (const specifier of uses.imports) {
      const target = specifier.startsWith(".") ? resolve(file, specifier, sources) : undefined;
      if (target !== undefined) targets.push(target);
      const what = target === undefined ? judgeOther(file, specifier) : judgeOwn(file, target);
      if (what !== undefined) report(what);
    }
    graph.set(file, targets);
  }
  return [...violations, ...findCycles(graph)];
}

function partOf(file: string): string {
  return file.replace(/\.ts$/, "").split("/")[0] ?? "";
}

/** Whether a file is, or lies in, one of these parts. */
function isOneOf(file: string, parts: readonly string[]): boolean {
  const path = file.replace(/\.ts$/, "");
  return parts.some((part) => path === part || path.startsWith(`${part}/`));
}

function judgeOwn(file: string, target: string): string | undefined {
  const allowed = [partOf(file), ...(mayImport[partOf(file)] ?? [])];
  return isOneOf(target, allowed) ? undefined : `may not import ${target}`;
}

function judgeOther(file: string, specifier: string): string | undefined {
  if (specifier === "../package.json" && isOneOf(file, ["main", "cli", "app"])) return undefined;
  if (specifier.startsWith(".") || specifier.startsWith("/")) return `finds no source at ${specifier}`;
  if (partOf(file) === "message" && !mayUseInMessage.includes(specifier)) return `may not import ${specifier}`;
  if (specifier === "zod" || specifier.startsWith("node:")) return undefined;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const allowed = Object.hasOwn(mayUsePackage, name) ? mayUsePackage[name] : undefined;
  return allowed !== undefined && isOneOf(file, allowed) ? undefined : `may not import ${specifier}`;
}

/** The file that a specifier without extension names. */
function resolve(file: string, specifier: string, sources: Sources): string | undefined {
  const path = posix.join(posix.dirname(file), specifier);
  return [`${path}.ts`, `${path}/index.ts`].find((candidate) => sources.has(candidate));
}

/** One line for each file at which a chain of imports closes. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push(`${file}: imports itself: ${[...trail.slice(start), file].join(" -> ")}`);
    if (start >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}

interface Uses {
  imports: string[];
  computedImport: boolean;
  environment: boolean;
  console: boolean;
}

type Node = Record<string, unknown>;

/** Reads what a source imports (types, re-exports, `import()` and `require` included) and which globals it touches. */
function readUses(source: string): Uses {
  const uses: Uses = { imports: [], computedImport: false, environment: false, console: false };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isNode(value)) return;
    note(value, uses);
    for (const part of Object.values(value)) visit(part);
  };
  visit(parseSync(source, { syntax: "typescript" }));
  return uses;
}

function note(node: Node, uses: Uses): void {
  switch (node.type) {
    case "ImportDeclaration":
      if (["process", "node:process"].includes(textOf(node.source) ?? "")) uses.environment = true;
      return noteImport(node.source, uses);
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      return node.source ? noteImport(node.source, uses) : undefined;
    case "TsImportType":
      return noteImport(node.argument, uses);
    case "TsExternalModuleReference":
      return noteImport(node.expression, uses);
    case "CallExpression":
      return isImportCall(node.callee) ? noteImport(firstArgument(node), uses) : undefined;
    case "MemberExpression":
      if (nameOf(node.property) === "env" && nameOf(node.object) === "process") uses.environment = true;
      if (nameOf(node.object) === "console") uses.console = true;
      return undefined;
    case "VariableDeclarator":
      if (nameOf(node.init) === "process" && JSON.stringify(node.id).includes('"env"')) uses.environment = true;
      return undefined;
    default:
      return undefined;
  }
}

function noteImport(specifier: unknown, uses: Uses): void {
  const text = textOf(specifier);
  if (text === undefined) uses.computedImport = true;
  else uses.imports.push(text);
}

function isImportCall(callee: unknown): boolean {
  return isNode(callee) && (callee.type === "Import" || nameOf(callee) === "require");
}

function firstArgument(call: Node): unknown {
  const first: unknown = Array.isArray(call.arguments) ? call.arguments[0] : undefined;
  return isNode(first) ? first.expression : undefined;
}

function textOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "StringLiteral" ? String(node.value) : undefined;
}

/** The last name of `process`, `globalThis.process`, or `x["process"]`. */
function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Identifier") return String(node.value);
  if (node.type === "MemberExpression") return nameOf(node.property);
  return node.type === "Computed" ? textOf(node.expression) : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
