/** DKIM signatures (RFC 6376): what mails are signed with, and what verifiers must find in the DNS for it. Pure. */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

export interface DkimSettings {
  /** `d=`: whose signature it is. */
  domain: string;
  /** `s=`: which of the domain's keys. */
  selector: string;
  /** PEM of an RSA key. */
  privateKey: string;
}

/**
 * The headers that are signed where a mail has them: those of RFC 6376 section 5.4.1 that mails from here can carry, and the two
 * of one-click unsubscription, which RFC 8058 section 4 wants covered by the signature.
 */
export const signedHeaders = [
  ...["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References"],
  ...["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language"],
  ...["List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"],
];

/** What nodemailer signs by. */
export function signBy({ domain, selector, privateKey }: DkimSettings) {
  return { domainName: domain, keySelector: selector, privateKey, headerFieldNames: signedHeaders.join(":") };
}

/** Where verifiers look for the public key. */
export function nameRecord({ domain, selector }: DkimSettings): string {
  return `${selector}._domainkey.${domain}`;
}

/** The TXT record to publish, as its text. */
export function writeRecord({ privateKey }: DkimSettings): string {
  return `v=DKIM1; k=rsa; p=${encodeKey(createPublicKey(createPrivateKey(privateKey)))}`;
}

/** As a line of a zone file: the strings of a TXT record hold 255 bytes at most. */
export function writeZoneLine(dkim: DkimSettings): string {
  const strings = writeRecord(dkim).match(/.{1,255}/g) ?? [];
  return `${nameRecord(dkim)}. IN TXT ${strings.map((one) => `"${one}"`).join(" ")}`;
}

/** `found` is for people; `mend` says what to do about what keeps verifiers from accepting the signature. */
export type Judgement = { ok: true; found: string } | { ok: false; found: string; mend: string };

/** Judges the texts of all TXT records at the name of the key. */
export function judgeRecords(dkim: DkimSettings, records: readonly string[]): Judgement {
  const name = nameRecord(dkim);
  const publish = `publish ${writeZoneLine(dkim)}`;
  const refuse = (found: string, mend = publish): Judgement => ({ ok: false, found, mend });

  const [record, ...others] = records;
  if (record === undefined) return refuse(`the public key is missing: there is no TXT record at ${name}`);
  if (others.length > 0) {
    const found = `${records.length} TXT records at ${name}, of which verifiers take any`;
    return refuse(found, `leave only this one there: ${writeZoneLine(dkim)}`);
  }

  const tags = readTags(record);
  const key = tags.get("p");
  if (key === undefined || (tags.get("v") ?? "DKIM1") !== "DKIM1")
    return refuse(`no DKIM key in the record at ${name}`);
  if (key === "") {
    const mend = `make a new key under another selector; if it was withdrawn by mistake, ${publish}`;
    return refuse(`the key at ${name} is revoked: its p= is empty`, mend);
  }
  if ((tags.get("k") ?? "rsa") !== "rsa")
    return refuse(`the key at ${name} is announced as k=${tags.get("k")}, not rsa`);
  if (!lists(tags.get("h"), "sha256")) return refuse(`the key at ${name} is not for sha256 (h=${tags.get("h")})`);
  if (!lists(tags.get("s"), "email")) return refuse(`the key at ${name} is not for e-mail (s=${tags.get("s")})`);

  const own = createPublicKey(createPrivateKey(dkim.privateKey));
  const published = readKey(key);
  if (published === undefined) return refuse(`what the record at ${name} has as p= is no public key`);
  if (!published.equals(own)) {
    const mend = `${publish}; or set dkim.privateKey to the key that is published`;
    return refuse(`the public key at ${name} does not belong to dkim.privateKey`, mend);
  }
  const notes = [
    ...((own.asymmetricKeyDetails?.modulusLength ?? 0) < 2048 ? ["2048 bits would be safer"] : []),
    ...((tags.get("t") ?? "").split(":").includes("y") ? ["t=y asks verifiers to take it as a test"] : []),
  ];
  return { ok: true, found: ["the public key is published and fits", ...notes].join("; ") };
}

/** The tag list of RFC 6376 section 3.2; white space within values is of no meaning here. */
function readTags(record: string): Map<string, string> {
  return new Map(
    record.split(";").flatMap((part): [string, string][] => {
      const [, name, value] = /^\s*([A-Za-z]\w*)\s*=(.*)$/s.exec(part) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value.replace(/\s/g, "")]];
    }),
  );
}

/** An absent list, and `*`, name everything. */
function lists(list: string | undefined, value: string): boolean {
  if (list === undefined) return true;
  const values = list.split(":");
  return values.includes(value) || values.includes("*");
}

/** Published are both the form that tools write (SubjectPublicKeyInfo) and the one that RFC 6376 section 3.6.1 names. */
function readKey(encoded: string): KeyObject | undefined {
  const der = Buffer.from(encoded, "base64");
  for (const type of ["spki", "pkcs1"] as const) {
    try {
      return createPublicKey({ key: der, format: "der", type });
    } catch {
      // The other form is left.
    }
  }
  return undefined;
}

function encodeKey(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).toString("base64");
}

/**
 * Judges whether DMARC counts the signature for the sender (relaxed alignment, RFC 7489 section 3.1.1): both domains must belong
 * to one organisation. Which part of a name is an organisation's is written down in no name, so what only shares its end is
 * believed.
 */
export function judgeAlignment(dkim: DkimSettings, fromDomain: string): Judgement {
  const [signer, sender] = [dkim.domain.toLowerCase(), fromDomain.toLowerCase()];
  if (signer === sender || sender.endsWith(`.${signer}`) || signer.endsWith(`.${sender}`)) {
    return { ok: true, found: "the signature's domain is that of the sender" };
  }
  const shared = shareEnd(signer.split("."), sender.split("."));
  if (shared.length > 1) {
    const found = `mails from ${sender} are signed by ${signer}: DMARC counts that if both are of ${shared.join(".")}`;
    return { ok: true, found };
  }
  return {
    ok: false,
    found: `mails come from ${sender} and are signed by ${signer}: DMARC does not count that signature`,
    mend: `sign by ${sender} (dkim.domain), or send from an address of ${signer}`,
  };
}

function shareEnd(a: readonly string[], b: readonly string[]): string[] {
  const differs = a.toReversed().findIndex((label, index) => label !== b.at(-1 - index));
  return a.slice(a.length - differs);
}
