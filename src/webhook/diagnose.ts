/** Why a signature does not fit: the shortest story of secret, body and header under which it would. Pure. */
import { createHash, createHmac } from "node:crypto";
import { listBodyStories } from "./body-stories";
import { signatureHeader, verifySignature } from "./signature";

export interface NamedSecret {
  /** What it is called where it stands: `harborline-chat, secret 1`. Never the secret itself. */
  name: string;
  secret: string;
}

/** One thing that is not as it must be, and how to mend it. Neither names a secret or a body. */
export interface Flaw {
  where: "header" | "digest" | "secret" | "body";
  found: string;
  mend: string;
}

/**
 * `fits`: it verifies as it is. `explained`: it would with the flaws mended. `unexplained`: the flaws are what can be seen without knowing
 * how it was made.
 */
export interface Diagnosis {
  verdict: "fits" | "explained" | "unexplained";
  /** The secret it was made with, where that is known. */
  secret: string | null;
  flaws: Flaw[];
}

export interface SignedRequest {
  body: Buffer;
  /** All values of X-Hub-Signature-256. */
  signatures: readonly string[];
  /** Other headers, names in lower case: they tell of changes on the way. */
  headers?: Readonly<Record<string, string>>;
  /** Those that should fit, the current one first. */
  secrets: readonly NamedSecret[];
  /** Those of other integrations: a match means that two were mixed up. */
  otherSecrets?: readonly NamedSecret[];
}

/** A larger body is looked at as it is: it is signed thousands of times over. */
const largestStoried = 1_000_000;

export function diagnoseSignature(request: SignedRequest): Diagnosis {
  const { body, signatures, secrets } = request;
  const [only] = signatures;
  const fitting = secrets.find(({ secret }) => signatures.length === 1 && verifySignature(body, only, [secret]));
  if (fitting) return { verdict: "fits", secret: fitting.name, flaws: [] };
  if (only === undefined)
    return { verdict: "unexplained", secret: null, flaws: [missingHeader(request.headers ?? {})] };

  const tokens = signatures.flatMap(readTokens);
  const count: Flaw[] =
    tokens.length > 1
      ? [{ where: "header", found: `${tokens.length} signatures`, mend: "Send one X-Hub-Signature-256." }]
      : [];
  const stories = tokens.map((token) => explain(token, request)).filter((story) => story !== undefined);
  const [shortest] = stories.sort((a, b) => a.flaws.length - b.flaws.length);
  if (shortest) return { verdict: "explained", secret: shortest.secret, flaws: [...count, ...shortest.flaws] };
  return { verdict: "unexplained", secret: null, flaws: [...count, ...suspect(tokens[0], request)] };
}

interface Token {
  /** The digest's text, without prefix. */
  digest: string;
  flaws: Flaw[];
}

interface Story {
  secret: string;
  flaws: Flaw[];
}

/** A header may hold several values; each is `name=digest` as it should be, or nearly so. */
function readTokens(value: string): Token[] {
  const parts = value.split(/,\s*|\s+(?=sha\d+=)/i).filter((part) => part.trim() !== "");
  return parts.map(readToken);
}

function readToken(part: string): Token {
  const flaws: Flaw[] = [];
  let text = part;
  if (text !== text.trim()) {
    text = text.trim();
    flaws.push({ where: "header", found: "white space around the value", mend: "Send the value without it." });
  }
  if (/^(["']).*\1$/.test(text)) {
    text = text.slice(1, -1);
    flaws.push({ where: "header", found: "quotation marks around the value", mend: "Send the value without them." });
  }
  const prefix = /^(sha-?\d+|v1)[=:,]\s*/i.exec(text)?.[0];
  if (prefix === undefined) {
    flaws.push({ where: "header", found: "no prefix", mend: "Put sha256= in front of the base64 digest." });
  } else if (prefix !== "sha256=") {
    flaws.push({
      where: "header",
      found: `the prefix ${prefix.trim()}`,
      mend: "The prefix is sha256=, in lower case.",
    });
  }
  return { digest: text.slice(prefix?.length ?? 0), flaws };
}

/** The way of signing, one or several steps from the right one, that makes this digest; the fewest steps win. */
function explain(token: Token, request: SignedRequest): Story | undefined {
  let best: Story | undefined;
  const changed = request.body.length > largestStoried ? [] : listBodyStories(request.body);
  const bodies = [{ body: request.body, flaws: [] as Flaw[] }, ...changed];
  for (const key of listKeys(request)) {
    for (const body of bodies) {
      const known = key.flaws.length + body.flaws.length;
      if (best && best.flaws.length <= known + token.flaws.length) continue;
      for (const digest of listDigests(key.key, body.body).slice(0, known > 1 ? 1 : undefined)) {
        const flaws = matchDigest(token.digest, digest);
        if (!flaws) continue;
        const story = { secret: key.name, flaws: [...token.flaws, ...key.flaws, ...flaws, ...body.flaws] };
        if (!best || story.flaws.length < best.flaws.length) best = story;
      }
    }
  }
  return best;
}

interface Key {
  name: string;
  key: Buffer;
  flaws: Flaw[];
}

function listKeys({ secrets, otherSecrets = [] }: SignedRequest): Key[] {
  const other = otherSecrets.map((one) => ({ ...one, flaws: [mixedUp(one.name)] }));
  return [...secrets.map((one) => ({ ...one, flaws: [] as Flaw[] })), ...other].flatMap(({ name, secret, flaws }) =>
    spellSecret(secret).map(({ key, found }) => ({
      name,
      key,
      flaws: found === undefined ? flaws : [...flaws, secretFlaw(found)],
    })),
  );
}

function mixedUp(name: string): Flaw {
  const mend = "Use this integration's own secret token on both sides, or add that one to its signatureSecrets.";
  return { where: "secret", found: `made with the secret of ${name}`, mend };
}

function secretFlaw(found: string): Flaw {
  const mend = "Key the HMAC with the UTF-8 bytes of the token, exactly as it stands in Genesys Cloud.";
  return { where: "secret", found, mend };
}

/** The ways in which people hand over a secret. */
function spellSecret(secret: string): { key: Buffer; found?: string }[] {
  const spelled: { key: Buffer; found?: string }[] = [{ key: Buffer.from(secret) }];
  const add = (found: string, key: Buffer | undefined) => {
    if (key && !spelled.some((one) => one.key.equals(key))) spelled.push({ key, found });
  };
  add("white space around the secret", Buffer.from(secret.trim()));
  add("a line break after the secret, as from a file", Buffer.from(`${secret.trim()}\n`));
  add("a line break (CR LF) after the secret, as from a file", Buffer.from(`${secret.trim()}\r\n`));
  add("quotation marks around the secret", Buffer.from(`"${secret}"`));
  add("quotation marks around the secret", Buffer.from(secret.replace(/^(["'])(.*)\1$/, "$2")));
  add("the secret in Latin-1 instead of UTF-8", Buffer.from(secret, "latin1"));
  add("the secret decoded from base64", readBase64(secret.replace(/^whsec_/, "")));
  add("the secret encoded as base64", Buffer.from(Buffer.from(secret).toString("base64")));
  add("the secret decoded from hex", /^(?:[0-9a-f]{2})+$/i.test(secret) ? Buffer.from(secret, "hex") : undefined);
  add("the secret without whsec_", secret.startsWith("whsec_") ? Buffer.from(secret.slice(6)) : undefined);
  return spelled;
}

function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && withoutPadding(bytes.toString("base64")) === withoutPadding(text) ? bytes : undefined;
}

interface Digest {
  bytes: Buffer;
  found?: string;
}

function listDigests(key: Buffer, body: Buffer): Digest[] {
  return [
    { bytes: createHmac("sha256", key).update(body).digest() },
    { bytes: createHmac("sha1", key).update(body).digest(), found: "an HMAC with SHA-1" },
    { bytes: createHmac("sha512", key).update(body).digest(), found: "an HMAC with SHA-512" },
    { bytes: createHash("sha256").update(body).digest(), found: "a plain SHA-256 of the body, without the secret" },
    {
      bytes: createHash("sha256").update(key).update(body).digest(),
      found: "a SHA-256 of secret and body, which is no HMAC",
    },
    {
      bytes: createHash("sha256").update(body).update(key).digest(),
      found: "a SHA-256 of body and secret, which is no HMAC",
    },
  ];
}

/** Whether this text is that digest, and in which wrong spelling. Undefined: it is not. */
function matchDigest(text: string, { bytes, found }: Digest): Flaw[] | undefined {
  const algorithm: Flaw[] = found === undefined ? [] : [{ where: "digest", found, mend: "Use HMAC-SHA256." }];
  const spelling = matchSpelling(text, bytes);
  return spelling && [...algorithm, ...spelling];
}

function matchSpelling(text: string, bytes: Buffer): Flaw[] | undefined {
  const flaw = (found: string, mend: string): Flaw[] => [{ where: "digest", found, mend }];
  const base64 = bytes.toString("base64");
  const hex = bytes.toString("hex");
  if (text === base64) return [];
  if (text.toLowerCase() === hex) return flaw("hex", "Write the digest in base64, not in hex.");
  if (text === Buffer.from(hex).toString("base64")) {
    return flaw("base64 of the hex text", "Encode the 32 bytes of the digest, not their hex text.");
  }
  if (text === bytes.toString("base64url")) return flaw("base64url", "Write it in standard base64, with + / and =.");
  if (text === withoutPadding(base64)) return flaw("base64 without its = at the end", "Keep the padding.");
  // 16 characters are 96 bits: no digest begins so by chance.
  if (text.length >= 16 && base64.startsWith(text)) {
    return flaw(`cut short after ${text.length} of ${base64.length} characters`, "Hand the whole header on.");
  }
  if (text.length >= 16 && hex.startsWith(text.toLowerCase())) {
    return flaw(`hex, cut short after ${text.length} of ${hex.length} characters`, "Send the whole digest, in base64.");
  }
  if (text.startsWith(base64)) return flaw("something after the digest", "Send nothing after it.");
  return undefined;
}

function missingHeader(headers: Readonly<Record<string, string>>): Flaw {
  const similar = Object.keys(headers).find((name) => name !== signatureHeader && /signature/.test(name));
  return {
    where: "header",
    found: similar === undefined ? "no X-Hub-Signature-256" : `no X-Hub-Signature-256, but ${similar}`,
    mend: "Genesys Cloud sends X-Hub-Signature-256 with every request: let every proxy on the way pass it on.",
  };
}

/** What can be said when no story fits. */
function suspect(token: Token | undefined, { body, headers = {}, secrets }: SignedRequest): Flaw[] {
  const flaws: Flaw[] = token?.flaws ?? [
    { where: "header", found: "an empty header", mend: "Send sha256= and the digest." },
  ];
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== body.length) {
    const found = `${body.length} bytes, where content-length says ${length}`;
    flaws.push({
      where: "body",
      found,
      mend: "The body was changed after it was sent: keep the bytes as they arrive.",
    });
  }
  if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
    const found = `content-encoding ${headers["content-encoding"]}`;
    flaws.push({ where: "body", found, mend: "Let no proxy compress or unpack requests." });
  }
  if (body.includes("\uFFFD")) {
    const found = "replacement characters (U+FFFD)";
    flaws.push({
      where: "body",
      found,
      mend: "Something read the body in the wrong charset: keep the bytes as they arrive.",
    });
  }
  const bytes = token === undefined ? undefined : readBase64(token.digest);
  if (token !== undefined && bytes?.length !== 32) {
    const found = `${token.digest.length} characters that are no SHA-256 digest in base64`;
    flaws.push({ where: "digest", found, mend: "It is the base64 of 32 bytes: 44 characters." });
  }
  const known =
    secrets.length === 0
      ? "no secret was given"
      : `none of ${secrets.length} secrets makes this signature of this body`;
  const mend = "Compare the secret token in Genesys Cloud with the settings, and keep the raw bytes of the request.";
  return [...flaws, { where: "secret", found: known, mend }];
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}
