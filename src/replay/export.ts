/** Captures of a selection as the lines of a file, a page at a time. */
import type { Db } from "../store/bulk";
import { readSelected, type Selection } from "../store/selection";
import { writeLine } from "./capture-file";
import type { Redactor } from "./redact";

export interface ExportedPage {
  text: string;
  lines: number;
  /** Messages without a line: their content has been removed, or an adapter brought them in. */
  without: number;
}

const pageSize = 100;

export async function* exportCaptures(
  read: <T>(work: (db: Db) => Promise<T>) => Promise<T>,
  selection: Selection,
  redactor?: Redactor,
): AsyncGenerator<ExportedPage> {
  let after = 0;
  for (;;) {
    const page = await read((db) => readSelected(db, selection, { after, limit: pageSize }));
    const lines = page.flatMap(({ integration, receivedAt, headers, body, kind, source, meaning }) => {
      if (body === null || source !== null) return [];
      // Digests of short words can be guessed: a redacted line says the kind alone.
      if (redactor) {
        const redacted = { headers: redactor.headers(headers), body: redactor.body(body) };
        return [writeLine({ integration, receivedAt, ...redacted, meaning: { kind } })];
      }
      const known = meaning === null ? { kind } : (JSON.parse(meaning) as Record<string, string>);
      return [writeLine({ integration, receivedAt, headers, body, meaning: known })];
    });
    yield { text: lines.join(""), lines: lines.length, without: page.length - lines.length };
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.seq;
  }
}
