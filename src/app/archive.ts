/** Looks into what is stored beside a running bridge, without writing: exports and dry runs. */
import { randomBytes } from "node:crypto";
import { filterQuery, parseQuery } from "../admin/messages";
import type { Config } from "../config";
import { BridgeError } from "../errors";
import { exportCaptures } from "../replay/export";
import { createRedactor } from "../replay/redact";
import { readTarget } from "../replay/request";
import { judgeMessage, type ReplayDeps } from "../replay/run";
import { openDatabase } from "../store/database";
import { countSelected, newestSeq, readSelected, resolveIds, type Selection } from "../store/selection";
import { listServed } from "./channels";

/** What a command chooses: ids, or the fields of a filter as they were typed. */
export interface Choice {
  ids: readonly string[];
  filter: Record<string, string | undefined>;
}

const pageSize = 100;

/** Never writes; on SQLite it may be open beside the process that does. */
export function openArchive(config: Config) {
  const database = openDatabase(config.database, { readOnly: true });
  const { read } = database;

  async function select({ ids, filter }: Choice): Promise<Selection> {
    const upTo = await read(newestSeq);
    if (ids.length === 0) return { filter: parseFilter(filter), upTo };
    const { seqs, missing } = await read((db) => resolveIds(db, ids));
    if (missing.length > 0) {
      throw new BridgeError("not_found", `No message has the id ${missing[0]}, ours or Genesys Cloud's.`, "ids");
    }
    return { seqs, upTo };
  }

  return {
    async count(choice: Choice): Promise<number> {
      const selection = await select(choice);
      return read((db) => countSelected(db, selection));
    },
    /** What each chosen message would meet today, in the order of storing. */
    async *judge(choice: Choice, judge: ReplayDeps["judge"]) {
      const selection = await select(choice);
      for (let after = 0; ; ) {
        const page = await read((db) => readSelected(db, selection, { after, limit: pageSize }));
        for (const message of page) yield judgeMessage(message, judge);
        const last = page.at(-1);
        if (last === undefined || page.length < pageSize) return;
        after = last.seq;
      }
    },
    /** Lines of a capture file; redacted under a key that is forgotten with the call. */
    async *exportCaptures(choice: Choice, { redact }: { redact: boolean }) {
      yield* exportCaptures(read, await select(choice), redact ? createRedactor(randomBytes(32)) : undefined);
    },
    close: () => database.close(),
  };
}

/** Throws BridgeError `invalid_field` naming the field that is wrong. */
export function parseFilter(fields: Record<string, string | undefined>) {
  return parseQuery(filterQuery, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
}

/** Throws BridgeError `invalid_field` unless a replay could go there. */
export function checkTarget(config: Config, to: string): void {
  readTarget(to, listServed(config));
}
