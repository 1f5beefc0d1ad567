/** External contacts: who a customer is. Only current endpoints, no deprecated look-up or merge. */
import { z } from "zod";
import { type GenesysAnswer, refuse } from "./answer";
import type { GenesysClient } from "./client";

const phone = z.looseObject({ e164: z.string().optional(), acceptsSMS: z.boolean().optional() });
const reference = z.looseObject({ id: z.string().optional() });

/** `ExternalContact`, as far as the bridge reads it; the other fields are kept. */
export const contact = z.looseObject({
  id: z.string(),
  /** `Ephemeral`, `Identified` or `Curated`. */
  type: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  personalEmail: z.string().optional(),
  workEmail: z.string().optional(),
  otherEmail: z.string().optional(),
  cellPhone: phone.optional(),
  homePhone: phone.optional(),
  workPhone: phone.optional(),
  otherPhone: phone.optional(),
  /** The contact that this one was merged into. */
  canonicalContact: reference.optional(),
  mergeSet: z.array(reference).optional(),
});
export type Contact = z.infer<typeof contact>;

export const identifierTypes = [
  "SocialLine",
  "SocialFacebook",
  "SocialTwitter",
  "SocialWhatsapp",
  "SocialInstagram",
  "AppleOpaqueId",
  "Email",
  "Phone",
  "Cookie",
  "ExternalId",
] as const;

export interface Identifier {
  type: (typeof identifierTypes)[number];
  /** As Genesys Cloud keeps it: a phone number with `+` and country code. */
  value: string;
  /** Whose id an `ExternalId` is. */
  externalSource?: { id: string; name: string };
}

/** Genesys Cloud's limits of one merge request. */
export const mergeLimits = { min: 2, max: 25 } as const;

/** Merges lead to one canonical contact; more steps than this are a loop. */
const maxSteps = 5;

/**
 * Reads and joins external contacts. Each call is one request, plus one for each step to the canonical contact; a
 * contact that does not exist is `refused` with code `not.found`.
 * @see https://developer.genesys.cloud/commdigital/externalcontacts/
 */
export function createContacts({ ask }: Pick<GenesysClient, "ask">) {
  /** The canonical contact that an identifier belongs to; null when it belongs to nobody. */
  async function lookUpContact(identifier: Identifier): Promise<GenesysAnswer<Contact | null>> {
    const found = await ask({
      operation: "contacts.lookUp",
      priority: "lookup",
      send: ({ contacts }) => contacts.postExternalcontactsIdentifierlookupContacts(identifier),
      // 204 without a body is as empty-handed as 404.
      answer: contact.nullish(),
    });
    if (found.status === "refused" && found.error.status === 404)
      return { status: "done", answer: found.answer, value: null };
    if (found.status !== "done") return found;
    return found.value ? followCanonical(found.answer, found.value) : { ...found, value: null };
  }

  /** A contact by its id, or the one it was merged into. */
  async function getContact(contactId: string): Promise<GenesysAnswer<Contact>> {
    const found = await readContact(contactId);
    return found.status === "done" ? followCanonical(found.answer, found.value) : found;
  }

  /** Gives an identifier to a contact. */
  function claimIdentifier(contactId: string, identifier: Identifier): Promise<GenesysAnswer> {
    return patchIdentifiers("Claim", contactId, identifier);
  }

  /** Takes an identifier away from a contact. */
  function releaseIdentifier(contactId: string, identifier: Identifier): Promise<GenesysAnswer> {
    return patchIdentifiers("Release", contactId, identifier);
  }

  /**
   * Makes one contact of 2 to 25 of any type.
   * @param valueOverride fields of the result, for those in which the contacts differ
   */
  async function mergeContacts(
    contactIds: readonly string[],
    valueOverride?: Partial<Contact>,
  ): Promise<GenesysAnswer<Contact>> {
    const operation = "contacts.merge";
    const distinct = [...new Set(contactIds)];
    if (distinct.length < mergeLimits.min || distinct.length > mergeLimits.max) {
      return refuse(operation, "invalid.contactIds");
    }
    const body = { contactIds: distinct, valueOverride };
    return ask({
      operation,
      priority: "lookup",
      send: ({ contacts }) => contacts.postExternalcontactsContactsMerge(body),
      answer: contact,
    });
  }

  /** Makes a contact the customer of a conversation's leg; without `contactId` the leg's contact is detached. */
  function attachContact(leg: {
    conversationId: string;
    communicationId: string;
    contactId?: string;
  }): Promise<GenesysAnswer> {
    const { conversationId, communicationId, contactId: externalContactId } = leg;
    const body = { conversationId, communicationId, mediaType: "MESSAGE", externalContactId };
    return ask({
      operation: "contacts.attach",
      priority: "lookup",
      send: ({ contacts }) => contacts.putExternalcontactsConversation(conversationId, body),
      answer: z.unknown(),
    });
  }

  function readContact(contactId: string): Promise<GenesysAnswer<Contact>> {
    return ask({
      operation: "contacts.read",
      priority: "lookup",
      send: ({ contacts }) => contacts.getExternalcontactsContact(contactId),
      answer: contact,
    });
  }

  async function followCanonical(answer: string, first: Contact): Promise<GenesysAnswer<Contact>> {
    let current = first;
    for (let step = 0; step < maxSteps; step += 1) {
      const next = current.canonicalContact?.id;
      if (next === undefined || next === current.id) break;
      const found = await readContact(next);
      if (found.status !== "done") return found;
      current = found.value;
    }
    return { status: "done", answer, value: current };
  }

  function patchIdentifiers(operation: "Claim" | "Release", contactId: string, identifier: Identifier) {
    return ask({
      operation: operation === "Claim" ? "contacts.claim" : "contacts.release",
      priority: "lookup",
      send: ({ contacts }) => contacts.patchExternalcontactsContactIdentifiers(contactId, { operation, identifier }),
      answer: z.unknown(),
    });
  }

  return { lookUpContact, getContact, claimIdentifier, releaseIdentifier, mergeContacts, attachContact };
}
export type Contacts = ReturnType<typeof createContacts>;
