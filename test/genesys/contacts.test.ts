import { createGenesysClient, type GenesysClient } from "../../src/genesys/client";
import { createContacts } from "../../src/genesys/contacts";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
let client: GenesysClient;
let contacts: ReturnType<typeof createContacts>;

beforeEach(async () => {
  server = await startGenesys();
  const clients = [{ id: "client-a", secret: "secret-a" }];
  client = createGenesysClient({ organisation: { gatewayUrl: server.url, clients }, now: Date.now });
  contacts = createContacts(client);
});

afterEach(async () => {
  await server.close();
  await client.close();
});

const base = "/api/v2/externalcontacts";
const notFound = { status: 404, body: { code: "not.found", status: 404 } };

/** Contacts by id; an id that is not there is gone. */
function keep(kept: Record<string, object>): void {
  server.onRequest = ({ path }) => {
    const id = path.startsWith(`${base}/contacts/`) ? (path.split("/").at(-1) ?? "") : "looked-up";
    return kept[id] ? { status: 200, body: { id, ...kept[id] } } : notFound;
  };
}

test("an identifier leads to the canonical contact", async () => {
  keep({
    "looked-up": { canonicalContact: { id: "merged-once" } },
    "merged-once": { canonicalContact: { id: "known" } },
    known: {
      canonicalContact: { id: "known" },
      personalEmail: "ines@example.com",
      cellPhone: { e164: "+447700900321" },
    },
  });
  const answer = await contacts.lookUpContact({ type: "Email", value: "ines@example.com" });
  expect(answer).toMatchObject({ status: "done", value: { id: "known", cellPhone: { e164: "+447700900321" } } });
  expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    `POST ${base}/identifierlookup/contacts`,
    `GET ${base}/contacts/merged-once`,
    `GET ${base}/contacts/known`,
  ]);
  expect(server.requests[0]?.body).toEqual({ type: "Email", value: "ines@example.com" });
});

test.each([
  ["404", notFound],
  ["204", { status: 204 }],
])("an identifier that belongs to nobody is null, said as %s", async (_, reply) => {
  server.onRequest = () => reply;
  expect(await contacts.lookUpContact({ type: "Phone", value: "+447700900321" })).toMatchObject({
    status: "done",
    value: null,
  });
});

test("a look-up that failed is not mistaken for nobody", async () => {
  server.onRequest = () => ({ status: 403, body: { code: "missing.any.permissions", status: 403 } });
  expect(await contacts.lookUpContact({ type: "Email", value: "x@example.com" })).toMatchObject({ status: "refused" });
  server.onRequest = () => ({ status: 500 });
  expect(await contacts.lookUpContact({ type: "Email", value: "x@example.com" })).toMatchObject({ status: "later" });
});

test("a contact that is gone on the way is refused, a loop of contacts ends", async () => {
  keep({ old: { canonicalContact: { id: "gone" } } });
  expect(await contacts.getContact("old")).toMatchObject({ status: "refused", error: { code: "not.found" } });
  keep({ a: { canonicalContact: { id: "b" } }, b: { canonicalContact: { id: "a" } } });
  expect(await contacts.getContact("a")).toMatchObject({ status: "done" });
  expect(server.requests.length).toBeLessThan(10);
});

test("identifiers are claimed and released", async () => {
  const identifier = { type: "ExternalId", value: "crew-7781", externalSource: { id: "s-1", name: "CRM" } } as const;
  await contacts.claimIdentifier("contact-1", identifier);
  await contacts.releaseIdentifier("contact-1", identifier);
  expect(server.requests).toMatchObject([
    { method: "PATCH", path: `${base}/contacts/contact-1/identifiers`, body: { operation: "Claim", identifier } },
    { method: "PATCH", path: `${base}/contacts/contact-1/identifiers`, body: { operation: "Release", identifier } },
  ]);
});

test("contacts are merged through the current endpoint", async () => {
  server.onRequest = () => ({
    status: 200,
    body: { id: "merged", type: "Curated", mergeSet: [{ id: "a" }, { id: "b" }] },
  });
  const answer = await contacts.mergeContacts(["a", "b"], { personalEmail: "ines@example.com" });
  expect(answer).toMatchObject({ status: "done", value: { id: "merged" } });
  expect(server.requests).toMatchObject([{ method: "POST", path: `${base}/contacts/merge` }]);
  expect(server.requests[0]?.body).toEqual({
    contactIds: ["a", "b"],
    valueOverride: { personalEmail: "ines@example.com" },
  });
});

test("a merge of fewer than 2 or more than 25 contacts is refused before it is sent", async () => {
  expect(await contacts.mergeContacts(["a", "a"])).toMatchObject({
    status: "refused",
    error: { code: "invalid.contactIds" },
  });
  const many = Array.from({ length: 26 }, (_, index) => `c-${index}`);
  expect(await contacts.mergeContacts(many)).toMatchObject({ status: "refused" });
  expect(server.requests).toHaveLength(0);
});

test("a contact is attached to a leg and detached from it", async () => {
  server.onRequest = () => ({ status: 204 });
  const leg = { conversationId: "c-1", communicationId: "leg-1" };
  expect(await contacts.attachContact({ ...leg, contactId: "contact-1" })).toMatchObject({ status: "done" });
  await contacts.attachContact(leg);
  expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
    Array(2).fill(`PUT ${base}/conversations/c-1`),
  );
  expect(server.requests.map(({ body }) => body)).toEqual([
    { ...leg, mediaType: "MESSAGE", externalContactId: "contact-1" },
    { ...leg, mediaType: "MESSAGE" },
  ]);
});
