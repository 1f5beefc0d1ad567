/** What to do about a customer who is known by an identifier and a conversation's own contact. Pure. */

/** An external contact, as far as it decides. */
export interface ContactFacts {
  id: string;
  /** `Ephemeral`, `Identified` or `Curated`. */
  type?: string | undefined;
  mergeSet?: readonly { id?: string | undefined }[] | undefined;
  [field: string]: unknown;
}

export interface ResolutionFacts {
  /** Who the identifier belongs to; null: nobody. */
  known: ContactFacts | null;
  /** The conversation's contact; null: it has none. */
  current: ContactFacts | null;
  /** Whether two contacts that people look after may become one. */
  mayMergeCurated: boolean;
}

export type Step =
  /** The conversation shows the right contact already. */
  | { do: "nothing"; contactId: string }
  /** Nobody is there to be given the identifier. */
  | { do: "none" }
  | { do: "claim"; contactId: string }
  | { do: "attach"; contactId: string }
  /** `keep`: fields of the contact whose word counts, where both say something. */
  | { do: "merge"; contactIds: [string, string]; keep: Record<string, unknown> | undefined }
  /** Two contacts of one customer that cannot be made one: the conversation gets the known one. */
  | { do: "keepApart"; contactId: string; because: "both curated" | "merge set full" };

/** Genesys Cloud's limit of contacts that one contact was made of. */
export const mergeSetLimit = 52;

export function decideResolution({ known, current, mayMergeCurated }: ResolutionFacts): Step {
  if (known === null) return current === null ? { do: "none" } : { do: "claim", contactId: current.id };
  if (current === null) return { do: "attach", contactId: known.id };
  if (known.id === current.id) return { do: "nothing", contactId: known.id };
  if (isCurated(known) && isCurated(current) && !mayMergeCurated) {
    return { do: "keepApart", contactId: known.id, because: "both curated" };
  }
  if (sizeOf(known) + sizeOf(current) + 1 > mergeSetLimit) {
    return { do: "keepApart", contactId: known.id, because: "merge set full" };
  }
  return { do: "merge", contactIds: [known.id, current.id], keep: fieldsToKeep(known, current) };
}

/** Fields that describe a person; without an override the contact that was changed last would win, often a nameless visitor. */
const personal = [
  ...["firstName", "middleName", "lastName", "salutation", "title", "externalOrganization", "address", "customFields"],
  ...["personalEmail", "workEmail", "otherEmail", "cellPhone", "homePhone", "workPhone", "otherPhone"],
] as const;

/** What people have written into a contact stands against what came with a chat. */
export function fieldsToKeep(known: ContactFacts, current: ContactFacts): Record<string, unknown> | undefined {
  const master = isCurated(current) && !isCurated(known) ? current : known;
  const kept = personal.flatMap((name) => (master[name] == null ? [] : [[name, master[name]]]));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function isCurated({ type }: ContactFacts): boolean {
  return type?.toLowerCase() === "curated";
}

/** How many contacts a contact stands for. */
function sizeOf({ mergeSet }: ContactFacts): number {
  return Math.max(1, mergeSet?.length ?? 1);
}
