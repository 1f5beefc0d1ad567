/** Who may be written to, and what customers say to change it. Pure. */
import { z } from "zod";
import { type AddressClass, classifyAddress } from "./address";

/** `*` stands for every channel or every purpose. */
export const consentChannel = z.enum(["email", "sms", "*"]);
export type ConsentChannel = z.infer<typeof consentChannel>;
export const consentPurpose = z.enum(["transactional", "marketing", "*"]);
export type ConsentPurpose = z.infer<typeof consentPurpose>;
export const consentState = z.enum(["optedOut", "granted"]);
export type ConsentState = z.infer<typeof consentState>;

const address = z
  .string({ error: "an e-mail address, a phone number with its country code, or a recipient's id" })
  .trim()
  .min(1, { error: "an e-mail address, a phone number with its country code, or a recipient's id" })
  .max(320, { error: "at most 320 characters" })
  .regex(/^[^\p{Cc}]+$/u, { error: "one line without control characters" });

/** What operators say of an address, over the API, a command or a file. */
export const consentRequest = z
  .strictObject({
    address,
    channel: consentChannel.default("*"),
    purpose: consentPurpose.default("*"),
    state: consentState.default("optedOut"),
    reason: z.string().max(500, { error: "at most 500 characters" }).optional(),
  })
  .superRefine((request, context) => {
    const kind = classifyAddress(request.address);
    if (request.channel === "*" || kind === request.channel) return;
    const wanted =
      request.channel === "email" ? "an e-mail address" : "a phone number with its country code, such as +43664123456";
    context.addIssue({ code: "custom", path: ["address"], message: `${wanted}, for the channel ${request.channel}` });
  });
export type ConsentRequest = z.infer<typeof consentRequest>;

/** What is to be taken back; without a channel or a purpose, whatever it is. */
export const consentWithdrawal = z.strictObject({
  address,
  channel: consentChannel.optional(),
  purpose: consentPurpose.optional(),
  state: consentState.default("optedOut"),
  reason: z.string().max(500).optional(),
});
export type ConsentWithdrawal = z.infer<typeof consentWithdrawal>;

/** How it became known. */
export const consentSources = [
  "operator",
  "import",
  "oneClick",
  "stopWord",
  "twilio",
  "bounce",
  "complaint",
  "channel",
  "flow",
] as const;
export type ConsentSource = (typeof consentSources)[number];

/** One line of what is known of an address. */
export interface Consent {
  channel: ConsentChannel;
  purpose: ConsentPurpose;
  state: ConsentState;
}

/**
 * Whether an address may be written to: no opt-out that covers channel and purpose, and for marketing a grant as well. An opt-out goes
 * before a grant, whichever came first.
 */
export function isPermitted(
  known: readonly Consent[],
  send: { channel: AddressClass | undefined; purpose: "transactional" | "marketing" },
): boolean {
  const covering = known.filter(
    ({ channel, purpose }) =>
      (channel === "*" || channel === send.channel) && (purpose === "*" || purpose === send.purpose),
  );
  if (covering.some((one) => one.state === "optedOut")) return false;
  return send.purpose !== "marketing" || covering.some((one) => one.state === "granted");
}

/** What unsubscribing from a message of this purpose means: who wants no notices wants no marketing either. */
export function widenPurpose(purpose: "transactional" | "marketing"): ConsentPurpose {
  return purpose === "marketing" ? "marketing" : "*";
}

export type Keyword = "STOP" | "START" | "HELP";

/** The words Twilio and the carriers know (Twilio, "Support for opt-out keywords"), and their German kin. */
const keywords: Record<Keyword, readonly string[]> = {
  STOP: [
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "optout",
    "opt out",
    "opt-out",
    "revoke",
    "stopp",
    "abmelden",
  ],
  START: ["start", "yes", "unstop", "subscribe", "optin", "opt in", "opt-in"],
  HELP: ["help", "info", "hilfe"],
};

/** The keyword that an SMS consists of; a word within a sentence is none. Case, outer spaces, quotes and end marks do not count. */
export function readKeyword(text: string): Keyword | undefined {
  const word = text
    .normalize("NFKC")
    .trim()
    .replace(/^["'“”‘’„]+|["'“”‘’„.!?]+$/gu, "")
    .trim()
    .toLowerCase();
  const names = Object.keys(keywords) as Keyword[];
  return names.find((name) => keywords[name].includes(word));
}
