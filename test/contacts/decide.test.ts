import { type ContactFacts, decideResolution, mergeSetLimit } from "../../src/contacts/decide";

const curated: ContactFacts = {
  id: "curated",
  type: "Curated",
  firstName: "Ines",
  personalEmail: "ines@harborline.example",
};
const visitor: ContactFacts = { id: "visitor", type: "Ephemeral", firstName: "Visitor 17" };
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `m-${n}` }));
const decide = (known: ContactFacts | null, current: ContactFacts | null, mayMergeCurated = false) =>
  decideResolution({ known, current, mayMergeCurated });

test("nobody known and nobody there: nothing to do", () => {
  expect(decide(null, null)).toEqual({ do: "none" });
});

test("an identifier of nobody is given to the conversation's contact", () => {
  expect(decide(null, visitor)).toEqual({ do: "claim", contactId: "visitor" });
});

test("a conversation without a contact gets the known one", () => {
  expect(decide(curated, null)).toEqual({ do: "attach", contactId: "curated" });
});

test("the right contact is left as it is", () => {
  expect(decide(curated, { ...visitor, id: "curated" })).toEqual({ do: "nothing", contactId: "curated" });
});

test("a visitor is merged into the known contact, whose own words count", () => {
  expect(decide(curated, visitor)).toEqual({
    do: "merge",
    contactIds: ["curated", "visitor"],
    keep: { firstName: "Ines", personalEmail: "ines@harborline.example" },
  });
});

test("where the conversation's contact is the curated one, its words count", () => {
  const step = decide({ ...visitor, id: "known", type: "Identified" }, curated);
  expect(step).toMatchObject({ do: "merge", contactIds: ["known", "curated"], keep: { firstName: "Ines" } });
});

test("two curated contacts are kept apart unless somebody says otherwise", () => {
  const other = { ...curated, id: "other" };
  expect(decide(curated, other)).toEqual({ do: "keepApart", contactId: "curated", because: "both curated" });
  expect(decide(curated, other, true)).toMatchObject({ do: "merge" });
});

test("a merge set is not filled beyond its limit", () => {
  const full = { ...curated, mergeSet: many(mergeSetLimit - 1) };
  expect(decide(full, visitor)).toEqual({ do: "keepApart", contactId: "curated", because: "merge set full" });
  expect(decide({ ...curated, mergeSet: many(mergeSetLimit - 2) }, visitor)).toMatchObject({ do: "merge" });
});
