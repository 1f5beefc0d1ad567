/** Mails in a Maildir, as a mail program finds them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import PostalMime, { type Email } from "postal-mime";

export interface KeptMail {
  raw: string;
  mail: Email;
}

/** Every mail of one name, oldest first, new and seen. */
export async function readMaildir(directory: string, name: string): Promise<KeptMail[]> {
  const files = ["new", "cur"].flatMap((part) => listFiles(join(directory, "mail", name, "Maildir", part)));
  const bodies = files.sort((a, b) => a.name.localeCompare(b.name)).map(({ path }) => readFileSync(path));
  return Promise.all(bodies.map(async (body) => ({ raw: body.toString("utf8"), mail: await PostalMime.parse(body) })));
}

function listFiles(directory: string): { name: string; path: string }[] {
  try {
    return readdirSync(directory).map((name) => ({ name, path: join(directory, name) }));
  } catch {
    return [];
  }
}
