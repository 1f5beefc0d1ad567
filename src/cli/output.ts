/** What commands print: results on stdout, everything else on stderr; JSON for machines, tables for people. */
import { BridgeError, type ErrorCode, errorBody, StartError } from "../errors";
import { writeJson } from "../message/write-json";
import type { Input } from "./confirm";

export interface Output {
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}

/** What every command is given. */
export interface CommandContext {
  output: Output;
  env: NodeJS.ProcessEnv;
  /** What `-` reads, and where answers to questions come from. */
  stdin: Input;
  version: string;
  /** Sets the exit code. */
  end(code: number): void;
}

/** Prints why a command failed and returns its exit code: 2 for what was asked wrongly. */
export function printError(error: unknown, { output, json }: { output: Output; json: boolean }): number {
  const known = error instanceof BridgeError || error instanceof StartError;
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    printJsonError(output, error instanceof BridgeError ? error : { code: "internal", message });
  } else {
    output.stderr.write(`${message}\n`);
    if (!known && error instanceof Error && error.stack) output.stderr.write(`${error.stack}\n`);
  }
  return error instanceof StartError || (error instanceof BridgeError && error.code === "invalid_field") ? 2 : 1;
}

/** The HTTP error shape, on stderr. */
export function printJsonError(
  { stderr }: Output,
  error: { code: ErrorCode; message: string; field?: string | undefined },
): void {
  stderr.write(`${JSON.stringify(errorBody(error))}\n`);
}

export function printJson({ stdout }: Output, value: unknown): void {
  stdout.write(`${writeJson(value, 2)}\n`);
}

/** Rows under their headings, each column as wide as its widest cell; long cells are cut to `widths`. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  widths: readonly number[] = [],
): string {
  const cut = (cell: string, column: number) => {
    const most = widths[column];
    return most !== undefined && cell.length > most ? `${cell.slice(0, most - 1)}…` : cell;
  };
  const cells = [headings, ...rows].map((row) => row.map((cell, column) => cut(cell.replace(/\s+/g, " "), column)));
  const wide = headings.map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? "")].length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat((wide[column] ?? 0) - [...cell].length))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
