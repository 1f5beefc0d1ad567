import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "../fixtures/open-messaging");

export const capture = {
  id: "ours",
  integration: "harborline-chat",
  integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
};

export interface Fixture {
  name: string;
  bytes: Buffer;
  body: Record<string, unknown>;
  /** The normalized message without `raw`, and its summary, as reviewed by hand. */
  expected: Record<string, unknown>;
}

/** Webhook bodies: `outbound` one per documented kind, `odd` what senders were seen or may be feared to do. */
export const fixtures: Fixture[] = ["outbound", "odd"].flatMap((set) =>
  readdirSync(join(root, set)).map((file) => {
    const bytes = readFileSync(join(root, set, file));
    return {
      name: `${set}/${file}`,
      bytes,
      body: JSON.parse(bytes.toString("utf8")),
      expected: JSON.parse(readFileSync(join(root, "expected", set, file), "utf8")),
    };
  }),
);
