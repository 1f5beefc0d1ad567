/** Variables and the settings file, made into one frozen `Config`; nothing else reads the environment. */
import { buildConfig, type Config, nameOrganisations } from "./config/build";
import { readEnvironment } from "./config/environment";
import { isObject, readSettings } from "./config/file";
import { checkLinks, readOutline } from "./config/links";
import { checkNeeds, listWarnings } from "./config/needs";
import { formatPath, listProblems, type Problem } from "./config/problem";
import { resolveReferences, type Sources } from "./config/references";
import { settings } from "./config/settings";
import { checkTemplates } from "./config/templates";

export type { ChannelConfig, Config, FallbackPolicy, Integration, Organisation } from "./config/build";
export type { Problem } from "./config/problem";
export type { Sources } from "./config/references";
export { describeSettings } from "./config/settings";

/** What came of reading the settings: everything that is wrong at once, or what to run with. */
export type LoadedConfig =
  | { ok: true; config: Config; warnings: string[] }
  | { ok: false; problems: Problem[]; warnings: string[] };

/**
 * Reads the variables in `env` and the settings file that `OMB_CONFIG` names. Never throws for what stands in them;
 * `readFile` returns a file's text and throws when there is none.
 */
export function loadConfig(sources: Sources): LoadedConfig {
  const { environment, given, problems } = readEnvironment(sources);
  const file = readSettings(environment.OMB_CONFIG, sources.readFile);
  if (!file.ok) return { ok: false, problems: [...problems, file.problem], warnings: [] };

  const raw = given.GENESYS_GATEWAY_URL === undefined ? file.settings : withoutRegions(file.settings);
  const resolved = resolveReferences(raw, sources);
  const parsed = settings.safeParse(resolved.value);
  const outline = readOutline(resolved.value);
  problems.push(...resolved.problems);
  if (!parsed.success) {
    const isReplaced = (path: readonly PropertyKey[]) => resolved.replaced.has(formatPath(path));
    problems.push(...listProblems(parsed.error, resolved.value, isReplaced));
  }
  problems.push(...checkLinks(outline, nameOrganisations(Object.keys(outline.organisations), given)));
  problems.push(...checkNeeds(outline, given));
  problems.push(...checkTemplates(resolved.value));

  const warnings = listWarnings(outline, given);
  if (problems.length > 0 || !parsed.success) return { ok: false, problems: keepFirst(problems), warnings };
  return { ok: true, config: freeze(buildConfig({ environment, settings: parsed.data })), warnings };
}

/** A gateway URL takes the place of every region, which then need not be set. */
function withoutRegions(raw: Record<string, unknown>): Record<string, unknown> {
  if (!isObject(raw.organisations)) return raw;
  const organisations = Object.entries(raw.organisations).map(([name, organisation]) => {
    if (!isObject(organisation)) return [name, organisation];
    const { region: _replaced, ...rest } = organisation;
    return [name, rest];
  });
  return { ...raw, organisations: Object.fromEntries(organisations) };
}

/** One problem for each path: what is told first is the cause of the rest. */
function keepFirst(problems: readonly Problem[]): Problem[] {
  const paths = new Set<string>();
  return problems.filter(({ path }) => !paths.has(path) && paths.add(path));
}

function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) freeze(part);
    Object.freeze(value);
  }
  return value;
}
