/** Makes a conversation show the contact its customer is known as: look up, decide, act, and write down what was done. */
import { type ContactFacts, decideResolution, fieldsToKeep, type Step } from "./decide";
import type { Identifier } from "./identifier";

/** What became of a question to Genesys Cloud. */
export type Asked<T> =
  | { status: "done"; answer: string; value: T }
  | { status: "refused"; answer: string; error: { status: number | undefined } }
  | { status: "later"; answer: string; retryAfterMs?: number };

/** The external contacts of one organisation. Contacts that were merged are followed to the one that stands for them. */
export interface ContactBook {
  lookUpContact(identifier: Identifier): Promise<Asked<ContactFacts | null>>;
  getContact(contactId: string): Promise<Asked<ContactFacts>>;
  claimIdentifier(contactId: string, identifier: Identifier): Promise<Asked<unknown>>;
  mergeContacts(contactIds: readonly string[], valueOverride?: Record<string, unknown>): Promise<Asked<ContactFacts>>;
  attachContact(leg: { conversationId: string; communicationId: string; contactId?: string }): Promise<Asked<unknown>>;
  readConversation(
    conversationId: string,
  ): Promise<
    Asked<{ customer?: { externalContactId?: string | undefined; communicationId?: string | undefined } | undefined }>
  >;
}

export interface ResolveDeps {
  bookOf(organisation: string): ContactBook | undefined;
  journal: {
    begin(entry: {
      id: string;
      at: number;
      organisation: string;
      action: string;
      cause: string;
      proof: string;
      conversationId: string | null;
      before: unknown;
    }): Promise<void>;
    end(id: string, result: { contactId: string | null; after: unknown; answer: string }): Promise<void>;
  };
  now: () => number;
  newId: () => string;
}

/** Who wanted it, and what proved that it is the customer. */
export interface Warrant {
  cause: "flow" | "firstMessage" | "operator";
  proof: "email" | "sms" | "none" | "operator";
}

export interface ResolveRequest extends Warrant {
  organisation: string;
  identifier: Identifier;
  conversationId: string;
  /** Whether two contacts that people look after may become one. */
  mayMergeCurated?: boolean;
}

/**
 * - `known`: the conversation showed the right contact already.
 * - `claimed`: the conversation's contact is known by the identifier now.
 * - `attached`: the conversation shows the known contact now.
 * - `merged`: the conversation's contact and the known one are one now.
 * - `keptApart`: they cannot be one; the conversation shows the known one.
 * - `none`: there is no contact for this conversation, or it is gone.
 */
export type Resolution =
  | {
      status: "done";
      outcome: "known" | "claimed" | "attached" | "merged" | "keptApart" | "none";
      contactId: string | null;
      answer: string;
    }
  | { status: "refused"; answer: string }
  | { status: "later"; answer: string; retryAfterMs?: number };

/** Ends a resolution early: Genesys Cloud did not do what was asked. */
class Unanswered extends Error {
  constructor(readonly asked: Exclude<Asked<unknown>, { status: "done" }>) {
    super(asked.answer);
  }
}

/** A contact may go while it is being dealt with; then everything is looked at afresh, so often. */
const tries = 2;

export function createResolver(deps: ResolveDeps) {
  /** Never throws for what Genesys Cloud does. Asking again for what is done already is `known`. */
  async function resolve(request: ResolveRequest): Promise<Resolution> {
    const book = deps.bookOf(request.organisation);
    if (book === undefined) return { status: "refused", answer: "no such organisation" };
    let gone = "";
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      try {
        return await resolveOnce(book, request);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        const { asked } = error;
        if (asked.status === "later") return asked;
        const isGone = asked.error.status === 404 || asked.error.status === 409;
        if (!isGone) return { status: "refused", answer: asked.answer };
        gone = asked.answer;
      }
    }
    return { status: "done", outcome: "none", contactId: null, answer: gone };
  }

  async function resolveOnce(book: ContactBook, request: ResolveRequest): Promise<Resolution> {
    const { identifier, conversationId, mayMergeCurated = false } = request;
    let known = valueOf(await book.lookUpContact(identifier));
    const { customer } = valueOf(await book.readConversation(conversationId));
    const current = await readContact(book, customer?.externalContactId);
    if (known !== null && current !== null && known.id !== current.id) {
      // They may have become one since the look-up.
      known = valueOf(await book.getContact(known.id));
    }
    const step = decideResolution({ known, current, mayMergeCurated });
    const leg =
      customer?.communicationId === undefined
        ? undefined
        : { conversationId, communicationId: customer.communicationId };
    switch (step.do) {
      case "none":
      case "nothing":
        return note(request, step, { known, current });
      default:
        return act({ book, request, step, before: { known, current }, leg });
    }
  }

  /** Nothing is to be done, which is written down too: the conversation need not be looked at again. */
  async function note(
    { organisation, cause, proof, conversationId }: ResolveRequest,
    step: Extract<Step, { do: "none" | "nothing" }>,
    before: { known: ContactFacts | null; current: ContactFacts | null },
  ): Promise<Resolution> {
    const id = deps.newId();
    const contactId = step.do === "nothing" ? step.contactId : null;
    const answer = step.do === "nothing" ? "known already" : "the conversation has no contact";
    const action = step.do;
    await deps.journal.begin({ id, at: deps.now(), organisation, action, cause, proof, conversationId, before });
    await deps.journal.end(id, { contactId, after: null, answer });
    return { status: "done", outcome: step.do === "nothing" ? "known" : "none", contactId, answer };
  }

  async function act(given: {
    book: ContactBook;
    request: ResolveRequest;
    step: Exclude<Step, { do: "none" | "nothing" }>;
    before: { known: ContactFacts | null; current: ContactFacts | null };
    leg: { conversationId: string; communicationId: string } | undefined;
  }): Promise<Resolution> {
    const { book, request, step, before, leg } = given;
    const { organisation, cause, proof, conversationId } = request;
    const id = deps.newId();
    await deps.journal.begin({
      ...{ id, at: deps.now(), organisation, cause, proof, conversationId, before },
      action: step.do,
    });
    try {
      const done = await carryOut(book, request, step, leg);
      await deps.journal.end(id, { contactId: done.contactId, after: done.after, answer: done.answer });
      const { outcome, contactId, answer } = done;
      return { status: "done", outcome, contactId, answer };
    } catch (error) {
      if (error instanceof Unanswered)
        await deps.journal.end(id, { contactId: null, after: null, answer: `not done: ${error.message}` });
      throw error;
    }
  }

  return { resolve, merge };

  /** Makes one contact of several, as an operator wants it; contacts that are one already are a success. */
  async function merge(request: {
    organisation: string;
    contactIds: readonly string[];
    mayMergeCurated?: boolean;
  }): Promise<Resolution> {
    const book = deps.bookOf(request.organisation);
    if (book === undefined) return { status: "refused", answer: "no such organisation" };
    try {
      return await mergeContacts(book, request);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      const { asked } = error;
      return asked.status === "later" ? asked : { status: "refused", answer: asked.answer };
    }
  }

  async function mergeContacts(
    book: ContactBook,
    { organisation, contactIds, mayMergeCurated = false }: Parameters<typeof merge>[0],
  ): Promise<Resolution> {
    const contacts = new Map<string, ContactFacts>();
    for (const contactId of contactIds) {
      const found = valueOf(await book.getContact(contactId));
      contacts.set(found.id, found);
    }
    const [first, ...others] = contacts.values();
    if (first === undefined) return { status: "refused", answer: "no contact was named" };
    if (others.length === 0) {
      return { status: "done", outcome: "known", contactId: first.id, answer: "they are one contact already" };
    }
    for (const other of others) {
      const step = decideResolution({ known: first, current: other, mayMergeCurated });
      if (step.do === "keepApart") return { status: "refused", answer: `not merged: ${step.because}` };
    }
    const id = deps.newId();
    const before = [first, ...others];
    const about = { cause: "operator", proof: "operator", conversationId: null, before };
    await deps.journal.begin({ id, at: deps.now(), organisation, action: "merge", ...about });
    try {
      const merged = await mergeOrFind(book, [...contacts.keys()], fieldsToKeep(first, first));
      await deps.journal.end(id, { contactId: merged.value.id, after: merged.value, answer: merged.answer });
      return { status: "done", outcome: "merged", contactId: merged.value.id, answer: merged.answer };
    } catch (error) {
      if (error instanceof Unanswered)
        await deps.journal.end(id, { contactId: null, after: null, answer: `not done: ${error.message}` });
      throw error;
    }
  }
}
export type Resolver = ReturnType<typeof createResolver>;

interface Done {
  outcome: "claimed" | "attached" | "merged" | "keptApart";
  contactId: string;
  after: unknown;
  answer: string;
}

async function carryOut(
  book: ContactBook,
  { identifier }: ResolveRequest,
  step: Exclude<Step, { do: "none" | "nothing" }>,
  leg: { conversationId: string; communicationId: string } | undefined,
): Promise<Done> {
  switch (step.do) {
    case "claim": {
      const { answer } = expectDone(await book.claimIdentifier(step.contactId, identifier));
      const after = valueOf(await book.getContact(step.contactId));
      return { outcome: "claimed", contactId: step.contactId, after, answer };
    }
    case "attach":
    case "keepApart": {
      const answer = await attach(book, leg, step.contactId);
      const outcome = step.do === "attach" ? "attached" : "keptApart";
      const why = step.do === "attach" ? answer : `${step.because}: ${answer}`;
      return { outcome, contactId: step.contactId, after: { attached: step.contactId }, answer: why };
    }
    case "merge": {
      const merged = await tryMerge(book, step);
      if (merged === undefined) {
        const [contactId] = step.contactIds;
        const answer = await attach(book, leg, contactId);
        return {
          outcome: "keptApart",
          contactId,
          after: { attached: contactId },
          answer: `cannot be merged: ${answer}`,
        };
      }
      const { value, answer } = merged;
      // Whoever reads the conversation's old contact is led to the new one: attaching it only spares them the way.
      const attached = leg === undefined ? undefined : await book.attachContact({ ...leg, contactId: value.id });
      const remark = attached === undefined || attached.status === "done" ? "" : `, not attached: ${attached.answer}`;
      return { outcome: "merged", contactId: value.id, after: value, answer: `${answer}${remark}` };
    }
    default:
      return step satisfies never;
  }
}

/** Undefined when Genesys Cloud will not make one contact of these two. */
async function tryMerge(book: ContactBook, step: Extract<Step, { do: "merge" }>) {
  try {
    return await mergeOrFind(book, step.contactIds, step.keep);
  } catch (error) {
    if (error instanceof Unanswered && error.asked.status === "refused" && error.asked.error.status === 400) {
      return undefined;
    }
    throw error;
  }
}

/** Merges; contacts that somebody has merged meanwhile are merged all the same. */
async function mergeOrFind(
  book: ContactBook,
  contactIds: readonly string[],
  keep: Record<string, unknown> | undefined,
): Promise<{ value: ContactFacts; answer: string }> {
  const asked = await book.mergeContacts(contactIds, keep);
  if (asked.status === "done") return asked;
  if (asked.status === "refused" && asked.error.status === 400) {
    const found = await Promise.all(contactIds.map((id) => book.getContact(id)));
    const ids = new Set(found.map((one) => (one.status === "done" ? one.value.id : undefined)));
    const [first] = found;
    if (ids.size === 1 && first?.status === "done") return { value: first.value, answer: "merged already" };
  }
  throw new Unanswered(asked);
}

/** Without a leg there is nothing to attach to: the conversation's contact follows by itself when it is merged. */
async function attach(
  book: ContactBook,
  leg: { conversationId: string; communicationId: string } | undefined,
  contactId: string,
): Promise<string> {
  if (leg === undefined) return "the conversation has no leg to attach to";
  return expectDone(await book.attachContact({ ...leg, contactId })).answer;
}

/** A conversation's contact may have been deleted since. */
async function readContact(book: ContactBook, contactId: string | undefined): Promise<ContactFacts | null> {
  if (contactId === undefined) return null;
  const found = await book.getContact(contactId);
  if (found.status === "refused" && found.error.status === 404) return null;
  return valueOf(found);
}

function expectDone<T>(asked: Asked<T>) {
  if (asked.status !== "done") throw new Unanswered(asked);
  return asked;
}

function valueOf<T>(asked: Asked<T>): T {
  return expectDone(asked).value;
}
