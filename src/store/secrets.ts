/** The store's own secret: keyed digests that outlive an erasure, and sealed tokens that go out in links. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { Db } from "./bulk";
import { run } from "./bulk";
import type { Tx } from "./database";

const secretKey = "secret";

/** Reads the secret, 32 random bytes made at first use and the same for every process. */
export async function loadSecret({ db }: Pick<Tx, "db">): Promise<Buffer> {
  const known = await readSecret(db);
  if (known !== undefined) return known;
  await run(db, "insert into meta (key, value) values ($1, $2) on conflict (key) do nothing", [
    secretKey,
    randomBytes(32).toString("base64"),
  ]);
  const made = await readSecret(db);
  if (made === undefined) throw new Error("the secret that was just written is not there");
  return made;
}

/** The secret as far as it exists, for readers that may not write. */
export async function readSecret(db: Db): Promise<Buffer | undefined> {
  const [row] = await run<{ value: string }>(db, "select value from meta where key = $1", [secretKey]);
  return row === undefined ? undefined : Buffer.from(row.value, "base64");
}

/** HMAC-SHA256 under the secret; digests of different purposes never compare. */
export function digest(secret: Buffer, purpose: string, text: string): string {
  return createHmac("sha256", secret).update(`${purpose}\n${text}`).digest("base64url");
}

/** A value that only this bridge can make and read (AES-256-GCM), for links: nobody can forge it, and it shows no address. */
export function seal(secret: Buffer, purpose: string, value: unknown): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyFor(secret, purpose), iv);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64url");
}

/** What was sealed; undefined for anything that was not sealed here for this purpose. */
export function unseal(secret: Buffer, purpose: string, token: string): unknown {
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length < 28 || bytes.toString("base64url") !== token) return undefined;
  try {
    const decipher = createDecipheriv("aes-256-gcm", keyFor(secret, purpose), bytes.subarray(0, 12), {
      authTagLength: 16,
    });
    decipher.setAuthTag(bytes.subarray(12, 28));
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function keyFor(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
}
