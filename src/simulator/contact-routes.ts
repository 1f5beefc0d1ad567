/** `/externalcontacts/…`: look-up, reading, identifiers, merging, attaching to a conversation. */
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import type { Contacts } from "./contacts";
import { type Conversations, customerOf } from "./conversations";
import type { Call, Route } from "./route";
import { type Contact, contactFields, contactIdentifier, contactTypes, type State } from "./state";

const view = { any: ["externalContacts:contact:view"] };
const viewEither = { any: ["relate:contact:view", "externalContacts:contact:view"] };
const merge = { any: ["externalContacts:identity:merge"] };

const newContact = contactFields.extend({ type: z.enum(contactTypes).optional() });
const claimRequest = z.looseObject({ operation: z.enum(["Claim", "Release"]), identifier: contactIdentifier });
const mergeRequest = z.looseObject({ contactIds: z.array(z.string()), valueOverride: contactFields.nullish() });
const mergeTwoRequest = z.looseObject({ sourceContactId: z.string(), targetContactId: z.string() });
const mediaTypes = [
  "CALL",
  "CALLBACK",
  "CHAT",
  "COBROWSE",
  "EMAIL",
  "MESSAGE",
  "INTERNAL_MESSAGE",
  "SCREEN_MONITORING",
  "SOCIAL_EXPRESSION",
  "VIDEO",
  "SCREENSHARE",
] as const;
const association = z.looseObject({
  externalContactId: z.string().nullish(),
  conversationId: z.string(),
  communicationId: z.string(),
  mediaType: z.enum(mediaTypes),
});

/** Contacts a reverse look-up answers at most. */
const mostLookedUp = 25;

export function createContactRoutes(deps: { state: State; contacts: Contacts; conversations: Conversations }): Route[] {
  const { state, contacts, conversations } = deps;

  function lookUp(call: Call) {
    const found = contacts.find(parseBody(contactIdentifier, call.body));
    if (!found) throw notFound();
    return { status: 200, body: showContact(found, found, readExpand(call)) };
  }

  function lookUpAddress(call: Call) {
    const wanted = call.query.get("lookupVal")?.trim().toLowerCase() ?? "";
    if (wanted === "") throw badRequest();
    const found = [...state.contacts.values()].filter(
      ({ canonicalId, identifiers }) =>
        canonicalId === undefined && identifiers.some(({ value }) => value.toLowerCase() === wanted),
    );
    const shown = found.slice(0, mostLookedUp).map((contact) => showContact(contact, contact, readExpand(call)));
    return { status: 200, body: { contacts: shown } };
  }

  /** A contact that was merged away shows what its canonical contact says, under the id that was asked for. */
  function read(call: Call) {
    const contact = contacts.get(call.param("contactId"));
    return { status: 200, body: showContact(contact, contacts.getCanonical(contact.id), readExpand(call)) };
  }

  function create(call: Call) {
    const { type, ...fields } = parseBody(newContact, call.body);
    const contact = contacts.add({ type, fields });
    return { status: 200, body: showContact(contact, contact, []) };
  }

  function replace(call: Call) {
    const contact = contacts.getCanonical(call.param("contactId"));
    contacts.update(contact, parseBody(contactFields, call.body));
    return { status: 200, body: showContact(contact, contact, []) };
  }

  function remove(call: Call) {
    contacts.remove(call.param("contactId"));
    return { status: 200, body: {} };
  }

  function readIdentifiers(call: Call) {
    return { status: 200, body: { entities: contacts.getCanonical(call.param("contactId")).identifiers } };
  }

  function claimOrRelease(call: Call) {
    const contact = contacts.getCanonical(call.param("contactId"));
    const { operation, identifier } = parseBody(claimRequest, call.body);
    const act = operation === "Claim" ? contacts.claim : contacts.release;
    return { status: 200, body: act(contact, identifier) };
  }

  function mergeMany(call: Call) {
    const { contactIds, valueOverride } = parseBody(mergeRequest, call.body);
    const merged = contacts.merge(contactIds, valueOverride ?? {});
    return { status: 200, body: showContact(merged, merged, ["mergeSet"]) };
  }

  function mergePair(call: Call) {
    const { sourceContactId, targetContactId } = parseBody(mergeTwoRequest, call.body);
    const merged = contacts.mergeTwo(sourceContactId, targetContactId);
    return { status: 200, body: showContact(merged, merged, ["mergeSet"]) };
  }

  /** Attaches a contact to the customer of a conversation; without a contact it detaches. */
  function associate(call: Call) {
    const { conversationId, communicationId, externalContactId } = parseBody(association, call.body);
    if (conversationId !== call.param("conversationId")) throw badRequest("The conversation ids differ.");
    const conversation = conversations.get(conversationId);
    const isKnown = conversation.participants.some(({ legs }) => legs.some(({ id }) => id === communicationId));
    if (!isKnown) throw notFound("The communication is not part of the conversation.");
    customerOf(conversation).externalContactId = externalContactId ? contacts.get(externalContactId).id : undefined;
    return { status: 202 };
  }

  const one = "/api/v2/externalcontacts/contacts/{contactId}";
  return [
    { method: "POST", path: "/api/v2/externalcontacts/identifierlookup/contacts", needs: view, handle: lookUp },
    { method: "POST", path: "/api/v2/externalcontacts/identifierlookup", needs: viewEither, handle: lookUp },
    { method: "GET", path: "/api/v2/externalcontacts/reversewhitepageslookup", needs: view, handle: lookUpAddress },
    {
      method: "POST",
      path: "/api/v2/externalcontacts/contacts",
      needs: { any: ["relate:contact:add", "externalContacts:contact:add"] },
      handle: create,
    },
    { method: "GET", path: one, needs: viewEither, handle: read },
    {
      method: "PUT",
      path: one,
      needs: { any: ["relate:contact:edit", "externalContacts:contact:edit"] },
      handle: replace,
    },
    {
      method: "DELETE",
      path: one,
      needs: { any: ["relate:contact:delete", "externalContacts:contact:delete"] },
      handle: remove,
    },
    { method: "GET", path: `${one}/identifiers`, needs: view, handle: readIdentifiers },
    {
      method: "PATCH",
      path: `${one}/identifiers`,
      needs: { any: ["externalContacts:contact:edit"] },
      handle: claimOrRelease,
    },
    { method: "POST", path: "/api/v2/externalcontacts/contacts/merge", needs: merge, handle: mergeMany },
    { method: "POST", path: "/api/v2/externalcontacts/merge/contacts", needs: merge, handle: mergePair },
    {
      method: "PUT",
      path: "/api/v2/externalcontacts/conversations/{conversationId}",
      needs: { any: ["relate:conversation:associate", "externalContacts:conversation:associate"] },
      handle: associate,
    },
  ];
}

/** `expand` repeated or as a comma list. */
function readExpand({ query }: Call) {
  return query.getAll("expand").flatMap((names) => names.split(","));
}

function showContact(asked: Contact, canonical: Contact, expand: readonly string[]) {
  return {
    id: asked.id,
    ...canonical.fields,
    type: canonical.type,
    surveyOptOut: false,
    createDate: asked.createDate,
    modifyDate: canonical.modifyDate,
    ...(expand.includes("identifiers") ? { identifiers: canonical.identifiers } : {}),
    ...(asked === canonical ? {} : { canonicalContact: refer(canonical.id) }),
    ...(asked.mergedToId === undefined ? {} : { mergedTo: refer(asked.mergedToId) }),
    ...(asked.mergedFrom.length > 0 ? { mergedFrom: asked.mergedFrom.map(refer) } : {}),
    ...(expand.includes("mergeSet") && canonical.mergeSet.length > 0
      ? { mergeSet: canonical.mergeSet.map(refer) }
      : {}),
    selfUri: `/api/v2/externalcontacts/contacts/${asked.id}`,
  };
}

function refer(id: string) {
  return { id, selfUri: `/api/v2/externalcontacts/contacts/${id}` };
}
