import type { LoadedConfig } from "../config";
import type { Problem } from "./problem";

/** The result of a check for machines. */
export function reportJson(loaded: LoadedConfig) {
  const problems = loaded.ok ? [] : loaded.problems;
  return { ok: loaded.ok, problems, warnings: loaded.warnings };
}

/** The result of a check for people: a table of problems, then the warnings. Ends in a line break. */
export function reportText(loaded: LoadedConfig): string {
  const { ok, problems, warnings } = reportJson(loaded);
  const verdict = ok ? "The settings are good." : `${count(problems.length, "problem")} in the settings:`;
  const lines = [verdict, ...tabulate(problems), ...warnings.map((warning) => `warning: ${warning}`)];
  return `${lines.join("\n")}\n`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function tabulate(problems: readonly Problem[]): string[] {
  if (problems.length === 0) return [];
  const rows = [["where", "found", "allowed"], ...problems.map(({ path, found, allowed }) => [path, found, allowed])];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`);
}
