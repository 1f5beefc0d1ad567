/** The organisation on disk, so that a practice setup survives a restart. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { loadSnapshot, type State, snapshot, takeSnapshot } from "./state";

const quietMs = 200;

/** Loads the file when it exists; throws when it is not a simulator's state. */
export function createStateFile({ file, state }: { file: string; state: State }) {
  let timer: NodeJS.Timeout | undefined;

  if (existsSync(file)) loadSnapshot(state, snapshot.parse(JSON.parse(readFileSync(file, "utf8"))));

  /** Writes after a moment of quiet. */
  function saveSoon() {
    timer ??= setTimeout(saveNow, quietMs);
  }

  /** Writes a new file and puts it in the place of the old one, so that a reader never sees half of it. */
  function saveNow() {
    clearTimeout(timer);
    timer = undefined;
    writeFileSync(`${file}.new`, JSON.stringify(takeSnapshot(state)), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  return { saveSoon, saveNow };
}
