/** Files of attachments on disk: kept for a while, within a bound. */
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";

const label = z.object({
  /** MIME type as its source told it. */
  mime: z.string(),
  filename: z.string().optional(),
  bytes: z.number(),
  /** Milliseconds UTC. */
  expiresAt: z.number(),
});
export type Label = z.infer<typeof label>;

export interface KeptFile extends Label {
  id: string;
  path: string;
}

export interface ShelfDeps {
  directory: string;
  /** How long a file is kept. */
  keepMs: number;
  /** All files together; the oldest go first. */
  maxBytes: number;
  now: () => number;
}

/** More came than may be kept of one file. */
export class FileTooLarge extends Error {
  override name = "FileTooLarge";
}

export type Shelf = ReturnType<typeof createShelf>;

/** A file is there once its label is: the label is written last, and removed first. */
export function createShelf({ directory, keepMs, maxBytes, now }: ShelfDeps) {
  const pathOf = (id: string, ending: "file" | "json") => join(directory, `${id}.${ending}`);

  /** The file if it is kept and has not expired. */
  async function find(id: string): Promise<KeptFile | undefined> {
    const found = await readLabel(pathOf(id, "json"));
    return found === undefined || now() >= found.expiresAt ? undefined : { id, path: pathOf(id, "file"), ...found };
  }

  /** Keeps what the stream brings, at most `limit` bytes. Throws FileTooLarge beyond, and whatever ends the stream early. */
  async function keep(
    id: string,
    body: Readable,
    file: { mime: string; filename?: string | undefined; limit: number; signal: AbortSignal },
  ): Promise<KeptFile> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const unfinished = join(directory, `${randomUUID()}.part`);
    let bytes = 0;
    async function* measure(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > file.limit) throw new FileTooLarge(`more than ${file.limit} bytes`);
        yield chunk;
      }
    }
    try {
      await pipeline(body, measure, createWriteStream(unfinished, { mode: 0o600 }), { signal: file.signal });
      await makeRoom(bytes);
      const { mime, filename } = file;
      const kept: Label = { mime, ...(filename === undefined ? {} : { filename }), bytes, expiresAt: now() + keepMs };
      await rename(unfinished, pathOf(id, "file"));
      await writeFile(`${unfinished}.json`, JSON.stringify(kept), { mode: 0o600 });
      await rename(`${unfinished}.json`, pathOf(id, "json"));
      return { id, path: pathOf(id, "file"), ...kept };
    } finally {
      await rm(unfinished, { force: true });
    }
  }

  /** Removes the files of these owners, however long they would be kept; says how many there were. */
  async function removeOf(owners: readonly string[]): Promise<number> {
    const starts = new Set(owners.map(nameOwner));
    const owned = (await names()).filter((name) => isOf(starts, name) && /\.(file|json)$/.test(name));
    const ids = new Set(owned.map((name) => name.replace(/\.(file|json)$/, "")));
    for (const id of ids) await remove(id);
    return ids.size;
  }

  /** Removes what has expired, and what a crash left unfinished. */
  async function sweep(): Promise<void> {
    await makeRoom(0);
  }

  /** Then, while it would be too much with `wanted` more bytes, the oldest. */
  async function makeRoom(wanted: number): Promise<void> {
    const files = await list();
    let total = wanted + files.reduce((sum, one) => sum + one.bytes, 0);
    for (const one of files.sort((a, b) => a.expiresAt - b.expiresAt)) {
      if (now() < one.expiresAt && total <= maxBytes) continue;
      await remove(one.id);
      total -= one.bytes;
    }
  }

  async function remove(id: string): Promise<void> {
    await rm(pathOf(id, "json"), { force: true });
    await rm(pathOf(id, "file"), { force: true });
  }

  /** Of everything in the directory, which is made when something is to be kept. */
  async function names(): Promise<string[]> {
    return readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  }

  async function list(): Promise<{ id: string; bytes: number; expiresAt: number }[]> {
    const all = await names();
    const labelled = new Map<string, Label>();
    for (const name of all.filter((one) => one.endsWith(".json") && !one.includes(".part"))) {
      const found = await readLabel(join(directory, name));
      if (found !== undefined) labelled.set(name.slice(0, -".json".length), found);
    }
    for (const name of all) await dropRemains(name, labelled);
    return [...labelled].map(([id, { bytes, expiresAt }]) => ({ id, bytes, expiresAt }));
  }

  /** Without a label after the time that any download may take, a file will never have one. */
  async function dropRemains(name: string, labelled: ReadonlyMap<string, Label>): Promise<void> {
    if (name.endsWith(".file") && labelled.has(name.slice(0, -".file".length))) return;
    if (name.endsWith(".json") && labelled.has(name.slice(0, -".json".length))) return;
    const path = join(directory, name);
    const changedAt = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (now() - changedAt > unfinishedMs) await rm(path, { force: true });
  }

  return { find, keep, removeOf, sweep };
}

const unfinishedMs = 3_600_000;

/** Names a file by the message that owns it and its place in there: the same message asks for the same file. */
export function nameFile(owner: string, place: string): string {
  return nameOwner(owner) + digest(place);
}

/** How the names of all files of one owner begin. */
const nameOwner = digest;

function isOf(starts: ReadonlySet<string>, name: string): boolean {
  return starts.has(name.slice(0, digestLength));
}

const digestLength = 32;

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digestLength);
}

async function readLabel(path: string): Promise<Label | undefined> {
  try {
    return label.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}
