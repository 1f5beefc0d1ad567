/** The kinds of values settings are made of. The message of each says what is allowed. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { IANAZone } from "luxon";
import { z } from "zod";
import { findRegionHost, hostOfRegion } from "../genesys/regions";
import { nameChoices, suggest } from "./problem";

/** An object that takes these keys and no others. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).filter((key) => key !== "$schema");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? issue.keys.map((key) => sayKeys(key, keys)).join("\n") : "an object",
  });
}

function sayKeys(key: string, keys: string[]): string {
  const meant = suggest(key, keys);
  return `${meant === undefined ? "" : `did you mean ${meant}? `}keys here: ${keys.join(", ")}`;
}

/** An object with names of one's own as keys. */
export function named<Value extends z.core.SomeType>(value: Value) {
  return z.record(z.string(), value, { error: "an object, its keys being names" });
}

export function wholeNumber(from: number, to: number, unit = "") {
  const error = `a whole number from ${from} to ${to}${unit && ` ${unit}`}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
}

/** A number that need not be whole: half a second is a time-out. */
export function amount(from: number, to: number, unit: string) {
  const error = `a number from ${from} to ${to} ${unit}`;
  return z.number({ error }).min(from, { error }).max(to, { error });
}

export function flag() {
  return z.boolean({ error: "true or false" });
}

export function oneOf<const Choices extends readonly [string, ...string[]]>(choices: Choices) {
  return z.enum(choices, { error: nameChoices(choices) });
}

export function listOf<Item extends z.core.SomeType>(item: Item, allowed: string) {
  return z.array(item, { error: allowed });
}

/** A text for which `holds`; checked after `env:` and `file:` are replaced, so editors let those pass. */
export function text(allowed: string, holds: (value: string) => boolean = (value) => value !== "") {
  return z.string({ error: allowed }).refine(holds, { error: allowed });
}

export function pattern(allowed: string, form: RegExp) {
  return z.string({ error: allowed }).regex(form, { error: allowed });
}

/** http or https, without user or password: those would end up in logs and answers. */
export function httpUrl() {
  return text("an http:// or https:// URL without user or password", (value) => {
    const url = parseUrl(value);
    if (url === undefined || url.hostname === "" || url.username !== "" || url.password !== "") return false;
    return url.protocol === "http:" || url.protocol === "https:";
  });
}

export function urlOf(protocols: readonly string[], allowed: string) {
  return text(allowed, (value) => {
    const url = parseUrl(value);
    return url !== undefined && protocols.includes(url.protocol) && url.hostname !== "";
  });
}

/** An IMAP server with who logs in, and one mailbox as the path (INBOX without). */
export function imapUrl() {
  const allowed =
    "an imaps:// (or imap://, for STARTTLS) URL with user and password, and at most a mailbox as its path";
  return text(allowed, (value) => {
    const url = parseUrl(value);
    if (url === undefined || (url.protocol !== "imaps:" && url.protocol !== "imap:")) return false;
    const parts = [url.hostname, url.username, url.password];
    return parts.every((part) => part !== "") && `${url.search}${url.hash}` === "" && isEscaped(url);
  });
}

function isEscaped({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function parseUrl(value: string): URL | undefined {
  return /\s/.test(value) || !URL.canParse(value) ? undefined : new URL(value);
}

/** Genesys Cloud takes secret tokens of more than 15 characters only; what another gateway signs with may be shorter. */
export function signatureSecret() {
  return text("the integration's secret token");
}

/** `whsec_` and base64; Standard Webhooks asks for 24 to 64 bytes ("Signature scheme"), adapters in use have others. */
export function standardWebhooksSecret() {
  return text("whsec_ and the base64 of random bytes, best 24 to 64", (value) => {
    const encoded = value.startsWith("whsec_") ? value.slice("whsec_".length) : "";
    const bytes = Buffer.from(encoded, "base64");
    const isCanonical = bytes.toString("base64").replace(/=+$/, "") === encoded.replace(/=+$/, "");
    return isCanonical && bytes.length > 0;
  });
}

const address = /^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+$/;

export function emailAddress() {
  return text("an e-mail address", (value) => address.test(value));
}

/** What a mail is from: `a@b.example` or `Name <a@b.example>`; a line break would open a new header. */
export function mailbox() {
  return text("an e-mail address, or Name <address>, on one line", (value) => {
    const bare = /^[^<>\p{Cc}]*<([^<>]*)>$/u.exec(value)?.[1] ?? value;
    return address.test(bare);
  });
}

/** E.164: `+` and at most 15 digits. */
export function phoneNumber() {
  return text("a phone number in E.164 form, such as +43123456789", isPhoneNumber);
}

export function isPhoneNumber(value: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(value);
}

/** The AWS name or the host of a region of Genesys Cloud. */
export function region() {
  const allowed = `a region of Genesys Cloud by name or host: ${Object.keys(hostOfRegion).join(", ")}`;
  return text(allowed, (value) => findRegionHost(value) !== undefined);
}

export function timeZone() {
  return text("an IANA time zone such as Europe/Vienna", (value) => IANAZone.isValidZone(value));
}

export function timeOfDay() {
  return pattern("a time of day from 00:00 to 23:59", /^([01]\d|2[0-3]):[0-5]\d$/);
}

/** `mail.harborline.example`: at least two labels of ASCII letters, digits and hyphens. */
export function domainName() {
  const form = /^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$/;
  return pattern("a domain name such as harborline.example", form);
}

/** What DKIM signs with: mails are signed by RSA alone, and verifiers take no key of less than 1024 bits (RFC 8301 section 3.2). */
export function dkimKey() {
  const allowed = "the PEM of an RSA private key of 1024 bits or more, without passphrase";
  const judge = (value: string): string | undefined => {
    const key = readPrivateKey(value);
    if (key === undefined) return "no private key was found in it";
    if (key.asymmetricKeyType !== "rsa") return `this one is of the kind ${key.asymmetricKeyType}`;
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < 1024 ? `this one has ${bits} bits` : undefined;
  };
  return z
    .string({ error: allowed })
    .refine((value) => judge(value) === undefined, {
      error: ({ input }) => `${allowed}; ${judge(String(input))}`,
    })
    .transform(unfoldPem);
}

function readPrivateKey(value: string): KeyObject | undefined {
  try {
    return createPrivateKey(unfoldPem(value));
  } catch {
    return undefined;
  }
}

/** Variables often hold a PEM on one line, its line ends written as \n. */
function unfoldPem(value: string): string {
  return value.replaceAll("\\n", "\n");
}
