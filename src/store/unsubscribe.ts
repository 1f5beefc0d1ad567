/** The token in an unsubscribe link: who does not want what any more. It does not expire, as the mail it stands in does not. */
import { z } from "zod";
import { consentPurpose } from "../message/consent";
import { seal, unseal } from "./secrets";

const unsubscribe = z.object({
  address: z.string(),
  purpose: consentPurpose,
  /** The policy whose notice it was, for the history. */
  policy: z.string(),
});
export type Unsubscribe = z.infer<typeof unsubscribe>;

const sealedFor = "unsubscribe";

export function sealUnsubscribe(secret: Buffer, value: Unsubscribe): string {
  return seal(secret, sealedFor, value);
}

/** Undefined for a token that was not made here. */
export function openUnsubscribe(secret: Buffer, token: string): Unsubscribe | undefined {
  return unsubscribe.safeParse(unseal(secret, sealedFor, token)).data;
}
