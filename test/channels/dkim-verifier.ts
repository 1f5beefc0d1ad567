/**
 * A verifier of DKIM signatures of its own, written from RFC 6376 section 6 and none of the code that signs: relaxed
 * canonicalization of headers and body, rsa-sha256, the public key from the DNS.
 */
import { createHash, createPublicKey, verify } from "node:crypto";

export interface Verified {
  /** What is wrong with the signature; absent when it holds. */
  problem?: string;
  domain: string;
  selector: string;
  /** The names under the signature, in lower case. */
  headers: string[];
}

export async function verifyDkim(
  raw: string,
  resolveTxt: (name: string) => Promise<string[][]>,
): Promise<Verified | undefined> {
  const split = raw.indexOf("\r\n\r\n");
  const fields = raw.slice(0, split).match(/^[^\s:][^:]*:.*(?:\r\n[ \t].*)*/gm) ?? [];
  const body = raw.slice(split + 4);
  const signature = fields.find((field) => nameOf(field) === "dkim-signature");
  if (signature === undefined) return undefined;

  const tags = readTags(signature.slice(signature.indexOf(":") + 1));
  const tag = (name: string) => tags.get(name) ?? "";
  const headers = tag("h").toLowerCase().split(":");
  const told = { domain: tag("d"), selector: tag("s"), headers };
  if (tag("a") !== "rsa-sha256" || tag("c") !== "relaxed/relaxed") return { ...told, problem: "another form" };
  if (tag("bh") !== createHash("sha256").update(relaxBody(body)).digest("base64")) {
    return { ...told, problem: "the body was changed" };
  }

  // A name that stands there twice means the next field of that name, from the bottom up (section 5.4.2).
  const left = [...fields].reverse();
  const signed = headers.map((name) => {
    const at = left.findIndex((field) => nameOf(field) === name);
    return at < 0 ? "" : `${relaxHeader(left.splice(at, 1)[0] ?? "")}\r\n`;
  });
  const own = relaxHeader(signature.replace(/([;:\s]b\s*=)[^;]*/, "$1"));
  const records = await resolveTxt(`${told.selector}._domainkey.${told.domain}`);
  const published = readTags((records[0] ?? []).join("")).get("p") ?? "";
  const key = createPublicKey({ key: Buffer.from(published, "base64"), format: "der", type: "spki" });
  const holds = verify("RSA-SHA256", Buffer.from(`${signed.join("")}${own}`), key, Buffer.from(tag("b"), "base64"));
  return holds ? told : { ...told, problem: "a signed header was changed, or the key is another" };
}

function nameOf(field: string): string {
  return field.slice(0, field.indexOf(":")).trim().toLowerCase();
}

/** Section 3.4.2. */
function relaxHeader(field: string): string {
  const value = field.slice(field.indexOf(":") + 1);
  return `${nameOf(field)}:${value
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .trim()}`;
}

/** Section 3.4.4. */
function relaxBody(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.length === 0 ? "" : `${lines.join("\r\n")}\r\n`;
}

function readTags(list: string): Map<string, string> {
  return new Map(
    list.split(";").flatMap((part): [string, string][] => {
      const at = part.indexOf("=");
      return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).replace(/\s/g, "")]];
    }),
  );
}
