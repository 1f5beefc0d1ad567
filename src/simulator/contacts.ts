/** External contacts: who a customer is, by which identifiers they are known, and who was merged into whom. */
import { ApiError, badRequest, notFound } from "./api-error";
import { mergeFields, mergeType } from "./contact-merge";
import { newEntityId } from "./ids";
import type { Contact, ContactFields, ContactIdentifier, Customer, Integration, State } from "./state";

/** Contacts one merge may name, and contacts one merge set may hold in the end. */
const mostMerged = 25;
const largestMergeSet = 52;

export interface ContactInput {
  id?: string;
  type?: Contact["type"];
  fields?: ContactFields;
  identifiers?: readonly ContactIdentifier[];
}

export function createContacts({ state, now }: { state: State; now: () => number }) {
  function timestamp() {
    return new Date(now()).toISOString();
  }

  /** Adds a contact. E-mail addresses and phone numbers it carries become identifiers unless somebody else holds them. */
  function add({ id = newEntityId(), type = "Curated", fields = {}, identifiers = [] }: ContactInput): Contact {
    const at = timestamp();
    const contact: Contact = {
      id,
      type,
      fields,
      identifiers: [],
      createDate: at,
      modifyDate: at,
      mergedFrom: [],
      mergeSet: [],
    };
    state.contacts.set(id, contact);
    for (const identifier of identifiers) claim(contact, identifier);
    for (const identifier of identifiersIn(fields)) if (!find(identifier)) hold(contact, identifier);
    return contact;
  }

  /** The contact under this very id, merged away or not; 404 when there is none. */
  function get(id: string): Contact {
    const found = state.contacts.get(id);
    if (!found) throw notFound();
    return found;
  }

  /** The contact that holds everything now. */
  function getCanonical(id: string): Contact {
    const contact = get(id);
    return contact.canonicalId === undefined ? contact : get(contact.canonicalId);
  }

  /** Who is known by this identifier; undefined when nobody is. */
  function find(identifier: ContactIdentifier): Contact | undefined {
    const wanted = identifierKey(identifier);
    for (const contact of state.contacts.values()) {
      if (contact.canonicalId === undefined && contact.identifiers.some((held) => identifierKey(held) === wanted)) {
        return contact;
      }
    }
    return undefined;
  }

  /** Makes a contact known by an identifier; 409 when another one is. Claiming twice changes nothing. */
  function claim(contact: Contact, identifier: ContactIdentifier): ContactIdentifier {
    const holder = find(identifier);
    if (holder === contact) return identifier;
    if (holder) throw conflict("The identifier belongs to another contact.");
    if (contact.type === "Ephemeral") contact.type = "Identified";
    return hold(contact, identifier);
  }

  function hold(contact: Contact, identifier: ContactIdentifier): ContactIdentifier {
    const held = { ...identifier, value: normalizeValue(identifier), dateCreated: timestamp() };
    contact.identifiers.push(held);
    contact.modifyDate = held.dateCreated;
    return held;
  }

  function release(contact: Contact, identifier: ContactIdentifier): ContactIdentifier {
    const wanted = identifierKey(identifier);
    const index = contact.identifiers.findIndex((held) => identifierKey(held) === wanted);
    const [released] = index === -1 ? [] : contact.identifiers.splice(index, 1);
    if (!released) throw notFound();
    contact.modifyDate = timestamp();
    return released;
  }

  /**
   * Merges contacts of any type into a new one. Refused: fewer than 2 or more than 25, one that does not exist, contacts
   * that are one already, and a merge set above 52.
   */
  function merge(ids: readonly string[], valueOverride: ContactFields = {}): Contact {
    if (ids.length < 2 || ids.length > mostMerged)
      throw badRequest(`Between 2 and ${mostMerged} contacts can be merged.`);
    const sources = [...new Set(ids.map(getCanonical))];
    if (sources.length < 2) throw badRequest("The contacts are merged already.");
    const id = newEntityId();
    const mergeSet = [...new Set([...sources.flatMap((source) => [...source.mergeSet, source.id]), id])];
    if (mergeSet.length > largestMergeSet) {
      throw badRequest(`The merge set would hold more than ${largestMergeSet} contacts.`);
    }
    const at = timestamp();
    const merged: Contact = {
      id,
      type: mergeType(sources),
      fields: mergeFields(sources, valueOverride),
      identifiers: sources.flatMap(({ identifiers }) => identifiers),
      createDate: at,
      modifyDate: at,
      mergedFrom: sources.map((source) => source.id),
      mergeSet,
    };
    state.contacts.set(id, merged);
    for (const source of sources) Object.assign(source, { mergedToId: id, identifiers: [] });
    for (const member of mergeSet) if (member !== id) get(member).canonicalId = id;
    return merged;
  }

  /** The older merge: the source must be ephemeral or identified, the target curated. */
  function mergeTwo(sourceId: string, targetId: string): Contact {
    if (getCanonical(sourceId).type === "Curated") throw badRequest("Two curated contacts cannot be merged.");
    if (getCanonical(targetId).type !== "Curated") throw badRequest("The target contact must be curated.");
    return merge([sourceId, targetId]);
  }

  /** Whom a customer's new conversation belongs to: found by identity resolution, or a new contact. */
  function contactFor(integration: Integration, customer: Customer): string {
    const identifier = identifierOf(integration, customer);
    const known = identifier && find(identifier);
    if (known) return known.id;
    const { firstName, lastName, nickname } = customer;
    const names = Object.entries({ firstName: firstName ?? nickname, lastName }).filter(
      ([, name]) => typeof name === "string",
    );
    return add({
      type: identifier ? "Identified" : "Ephemeral",
      fields: Object.fromEntries(names),
      identifiers: identifier ? [identifier] : [],
    }).id;
  }

  function remove(id: string) {
    get(id);
    state.contacts.delete(id);
  }

  /** Replaces what a contact says of itself. */
  function update(contact: Contact, fields: ContactFields) {
    Object.assign(contact, { fields, modifyDate: timestamp() });
  }

  return { add, get, getCanonical, find, claim, release, merge, mergeTwo, contactFor, remove, update };
}
export type Contacts = ReturnType<typeof createContacts>;

const emailFields = ["personalEmail", "workEmail", "otherEmail"] as const;
const phoneFields = ["cellPhone", "homePhone", "workPhone", "otherPhone"] as const;

/** The identifiers that a contact's addresses are. */
function identifiersIn(fields: ContactFields): ContactIdentifier[] {
  return [
    ...emailFields.flatMap((name) =>
      fields[name] === undefined ? [] : [{ type: "Email" as const, value: fields[name] }],
    ),
    ...phoneFields.flatMap((name) => {
      const value = fields[name]?.e164;
      return value === undefined ? [] : [{ type: "Phone" as const, value }];
    }),
  ];
}

/** What an integration with identity resolution takes a customer's id for. */
function identifierOf({ identityResolution }: Integration, { id, idType }: Customer): ContactIdentifier | undefined {
  if (!identityResolution?.resolveIdentities) return undefined;
  if (idType === "Email") return { type: "Email", value: id };
  if (idType === "Phone" && id.startsWith("+")) return { type: "Phone", value: id };
  const { externalSourceId } = identityResolution;
  return externalSourceId === undefined
    ? undefined
    : { type: "ExternalId", value: id, externalSource: { id: externalSourceId } };
}

/** Two identifiers are the same when type, value and, for an external id, source are. */
function identifierKey(identifier: ContactIdentifier) {
  const source = identifier.type === "ExternalId" ? (identifier.externalSource?.id ?? "") : "";
  return [identifier.type, source, normalizeValue(identifier)].join("\n");
}

/** Phone numbers need `+` and country code; e-mail addresses are compared in lower case. */
function normalizeValue({ type, value, externalSource }: ContactIdentifier) {
  if (type === "Email") return value.trim().toLowerCase();
  if (type === "ExternalId" && externalSource?.id === undefined)
    throw badRequest("An ExternalId needs an externalSource.");
  if (type !== "Phone") return value;
  const digits = value.replace(/[\s().-]/g, "");
  if (!/^\+[1-9]\d{4,14}$/.test(digits)) throw badRequest("A phone number needs + and its country code.");
  return digits;
}

function conflict(message: string) {
  return new ApiError({ status: 409, code: "conflict", message });
}
