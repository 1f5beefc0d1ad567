/** Comma-separated values as RFC 4180 has them. Pure. */

export interface CsvRow {
  /** The line of the file on which the row begins, counted from 1. */
  line: number;
  fields: string[];
}

/**
 * Reads rows; fields may be quoted, and quoted ones may hold commas, doubled quotes and line ends. Empty lines are passed over, a byte
 * order mark too. A quote that is never closed ends with the text: the row then holds the rest of it.
 */
export function readCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  let line = 1;
  let startedAt = 1;

  const endRow = () => {
    if (fields.length > 0 || field !== "") rows.push({ line: startedAt, fields: [...fields, field] });
    fields = [];
    field = "";
    startedAt = line;
  };

  for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === "\n") line += 1;
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (letter === '"' && field === "") quoted = true;
    else if (letter === ",") {
      fields.push(field);
      field = "";
    } else if (letter === "\n") endRow();
    else if (letter !== "\r" || text[at + 1] !== "\n") field += letter;
  }
  endRow();
  return rows;
}

/** One line, quoted where needed. */
export function writeCsv(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",")}\n`;
}
