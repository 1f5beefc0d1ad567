/** What a merged contact looks like: pure. */
import { type Contact, type ContactFields, contactTypes } from "./state";

/** Fields of one kind: what conflicts in one may move to another that is free. */
const families = [
  ["personalEmail", "workEmail", "otherEmail"],
  ["cellPhone", "homePhone", "workPhone", "otherPhone"],
] as const;
const familyFields = new Set<string>(families.flat());

/** The highest of the types: curated above identified above ephemeral. */
export function mergeType(contacts: readonly Contact[]): Contact["type"] {
  return contactTypes.findLast((type) => contacts.some((contact) => contact.type === type)) ?? "Ephemeral";
}

/**
 * The override first, then each field from the contact modified last. An address that another one keeps out of its
 * field moves to a free field of the same kind; with none free it is dropped (SDK note on `postExternalcontactsContactsMerge`).
 */
export function mergeFields(contacts: readonly Contact[], override: ContactFields): ContactFields {
  const newestFirst = [...contacts].toSorted((a, b) => b.modifyDate.localeCompare(a.modifyDate));
  const sources = [override, ...newestFirst.map(({ fields }) => fields)];
  const merged: Record<string, unknown> = {};
  for (const source of sources) {
    for (const [name, value] of Object.entries(source)) {
      if (!familyFields.has(name) && isGiven(value)) merged[name] ??= value;
    }
  }
  for (const family of families) placeFamily(merged, family, sources);
  return merged;
}

function placeFamily(merged: Record<string, unknown>, family: readonly string[], sources: readonly ContactFields[]) {
  const homeless: unknown[] = [];
  for (const source of sources) {
    for (const name of family) {
      const value = source[name];
      if (!isGiven(value) || family.some((other) => isSame(merged[other], value))) continue;
      if (merged[name] === undefined) merged[name] = value;
      else homeless.push(value);
    }
  }
  for (const value of homeless) {
    const free = family.find((name) => merged[name] === undefined);
    if (free !== undefined && !family.some((name) => isSame(merged[name], value))) merged[free] = value;
  }
}

function isGiven(value: unknown) {
  return value !== undefined && value !== null;
}

function isSame(a: unknown, b: unknown) {
  return JSON.stringify(a) === JSON.stringify(b);
}
