/** Settings and variables to start from; each test changes what it is about. */
import { loadConfig } from "../../src/config";

export const chatSecret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
export const signatureSecret = "harborline-test-secret-0001";

export const env = {
  GENESYS_REGION: "eu-central-1",
  GENESYS_CLIENT_ID: "client-1",
  GENESYS_CLIENT_SECRET: "client-secret-1",
  PUBLIC_URL: "https://bridge.example",
};

export const integration = {
  name: "harborline-chat",
  id: "2655b4c8-6386-5a64-8346-d47fed659046",
  signatureSecrets: [signatureSecret],
  channel: "chat",
};

export const chat = { type: "http", url: "http://127.0.0.1:4100/deliver", secret: chatSecret };

export const email = { type: "email", smtp: "smtp://mail.example", from: "Chat <chat@bridge.example>" };

export const minimal = { integrations: [integration], channels: { chat } };

/** Loads `settings` as the default file; `files` are others that can be read. */
export function load(
  settings: unknown,
  variables: Record<string, string | undefined> = env,
  files: Record<string, string> = {},
) {
  const all: Record<string, string> = { "config/default.json": JSON.stringify(settings), ...files };
  return loadConfig({
    env: variables,
    readFile: (path) => {
      const text = all[path];
      if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return text;
    },
  });
}

export function loadGood(...args: Parameters<typeof load>) {
  const loaded = load(...args);
  if (!loaded.ok) throw new Error(`refused: ${JSON.stringify(loaded.problems, null, 2)}`);
  return loaded;
}

export function loadBad(...args: Parameters<typeof load>) {
  const loaded = load(...args);
  if (loaded.ok) throw new Error("taken, although something is wrong");
  return loaded.problems;
}
