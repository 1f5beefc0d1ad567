/** Runs a command of `omb` in this process, and settings for it on disk. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { runCli } from "../../src/cli";
import type { StoreLocation } from "../../src/store/database";
import { chatSecret, integrationId, signatureSecret } from "../helpers/bridge";

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export async function omb(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const stdout = collect();
  const stderr = collect();
  const exitCode = await runCli([...args], {
    env,
    stdin: Readable.from([]),
    stdout: stdout.stream,
    stderr: stderr.stream,
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function collect() {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { stream, text: () => text };
}

/** Writes the usual settings to `directory` and returns the environment that names them. */
export function writeSettings(directory: string, changes: object = {}): Record<string, string> {
  const file = join(directory, "settings.json");
  const settings = {
    integrations: [
      { name: "harborline-chat", id: integrationId, signatureSecrets: [signatureSecret], channel: "chat" },
    ],
    channels: { chat: { type: "http", url: "http://127.0.0.1:9/", secret: chatSecret } },
    ...changes,
  };
  writeFileSync(file, JSON.stringify(settings));
  return { OMB_CONFIG: file, DATA_DIR: directory, PORT: "0", HOST: "127.0.0.1" };
}

/** Where the settings of `writeSettings` put the store, unless DATABASE_URL is set. */
export function storeIn(directory: string): StoreLocation {
  return { kind: "sqlite", file: join(directory, "bridge.sqlite") };
}
