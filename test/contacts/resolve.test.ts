/** Resolving contacts through the official SDK against a Genesys Cloud that has the rules of the real one. */
import { createResolver, type ResolveRequest } from "../../src/contacts/resolve";
import { createGenesysClient } from "../../src/genesys/client";
import { createContacts } from "../../src/genesys/contacts";
import { createConversations } from "../../src/genesys/conversations";
import { createSimulator } from "../../src/simulator";
import { atEnd } from "../helpers/clean-up";

const email = "ines@harborline.example";

async function startDesk() {
  const simulator = createSimulator({ clients: [{ id: "client-a", secret: "secret-a" }], requestsPerMinute: 100_000 });
  const gatewayUrl = await simulator.start();
  atEnd(simulator.stop);
  const clients = [{ id: "client-a", secret: "secret-a" }];
  const client = createGenesysClient({ organisation: { gatewayUrl, clients }, now: Date.now });
  atEnd(client.close);
  const journal = new Map<string, Record<string, unknown>>();
  let count = 0;
  const resolver = createResolver({
    bookOf: (name) => (name === "main" ? { ...createContacts(client), ...createConversations(client) } : undefined),
    journal: {
      begin: async ({ id, ...entry }) => void journal.set(id, entry),
      end: async (id, result) => void journal.set(id, { ...journal.get(id), ...result }),
    },
    now: () => 1_000,
    newId: () => `j-${++count}`,
  });
  const resolve = (conversationId: string, changes: Partial<ResolveRequest> = {}) =>
    resolver.resolve({
      organisation: "main",
      identifier: { type: "Email", value: email },
      conversationId,
      cause: "flow",
      proof: "email",
      ...changes,
    });
  const contactOf = (conversationId: string) =>
    simulator.conversation(conversationId)?.participants.find(({ purpose }) => purpose === "customer")
      ?.externalContactId;
  return { simulator, resolver, resolve, contactOf, journal: () => [...journal.values()] };
}

test("a visitor becomes the customer they are known as, who keeps their name", async () => {
  const { simulator, resolve, contactOf, journal } = await startDesk();
  const known = simulator.addContact({ type: "Curated", fields: { firstName: "Ines", personalEmail: email } });
  const visitor = simulator.addContact({ type: "Ephemeral", fields: { firstName: "Visitor 17" } });
  const { conversationId } = simulator.webChats.start({ contactId: visitor.id });

  const result = await resolve(conversationId);
  expect(result).toMatchObject({ status: "done", outcome: "merged" });
  const merged = simulator.contact(contactOf(conversationId) ?? "");
  expect(merged).toMatchObject({ type: "Curated", fields: { firstName: "Ines", personalEmail: email } });
  expect(merged?.mergedFrom.toSorted()).toEqual([known.id, visitor.id].toSorted());
  expect(journal()).toEqual([
    expect.objectContaining({
      action: "merge",
      cause: "flow",
      proof: "email",
      conversationId,
      before: {
        known: expect.objectContaining({ id: known.id }),
        current: expect.objectContaining({ id: visitor.id }),
      },
      after: expect.objectContaining({ id: merged?.id, firstName: "Ines" }),
      contactId: merged?.id,
    }),
  ]);
});

test("asking again for what is done is a success that changes nothing", async () => {
  const { simulator, resolve, journal } = await startDesk();
  simulator.addContact({ fields: { personalEmail: email } });
  const { conversationId } = simulator.webChats.start();
  expect(await resolve(conversationId)).toMatchObject({ outcome: "merged" });
  expect(await resolve(conversationId)).toMatchObject({ outcome: "known" });
  expect(journal().map(({ action, answer }) => [action, answer])).toEqual([
    ["merge", "HTTP 200"],
    ["nothing", "known already"],
  ]);
});

test("only the current endpoints are called", async () => {
  const { simulator, resolve } = await startDesk();
  simulator.addContact({ fields: { personalEmail: email } });
  await resolve(simulator.webChats.start().conversationId);
  const routes = Object.keys(simulator.requests.countByRoute());
  expect(routes).toContain("POST /api/v2/externalcontacts/contacts/merge");
  expect(routes).toContain("POST /api/v2/externalcontacts/identifierlookup/contacts");
  expect(routes).not.toContain("POST /api/v2/externalcontacts/merge/contacts");
  expect(routes).not.toContain("POST /api/v2/externalcontacts/identifierlookup");
});

test("an identifier that nobody has is claimed for the visitor, who is found by it from then on", async () => {
  const { simulator, resolve } = await startDesk();
  const first = simulator.webChats.start();
  expect(await resolve(first.conversationId)).toMatchObject({ outcome: "claimed", contactId: first.contactId });
  expect(simulator.contact(first.contactId)).toMatchObject({ type: "Identified", identifiers: [{ value: email }] });
  const second = simulator.webChats.start();
  expect(await resolve(second.conversationId)).toMatchObject({ outcome: "merged" });
});

test("a contact that was merged away is followed to the one that stands for it", async () => {
  const { simulator, resolver, resolve } = await startDesk();
  const known = simulator.addContact({ fields: { firstName: "Ines", personalEmail: email } });
  const twin = simulator.addContact({ type: "Identified", fields: {} });
  const { conversationId } = simulator.webChats.start({ contactId: twin.id });
  const merged = await resolver.merge({ organisation: "main", contactIds: [known.id, twin.id] });
  expect(merged).toMatchObject({ status: "done", outcome: "merged" });
  expect(await resolve(conversationId)).toEqual({ ...merged, outcome: "known", answer: "known already" });
  expect(await resolver.merge({ organisation: "main", contactIds: [known.id, twin.id] })).toMatchObject({
    outcome: "known",
  });
});

test("two curated contacts stay two, and the conversation shows the known one", async () => {
  const { simulator, resolver, resolve, contactOf, journal } = await startDesk();
  const known = simulator.addContact({ fields: { personalEmail: email } });
  const other = simulator.addContact({ fields: { firstName: "Jonas" } });
  const { conversationId } = simulator.webChats.start({ contactId: other.id });
  expect(await resolve(conversationId)).toMatchObject({ outcome: "keptApart", contactId: known.id });
  expect(contactOf(conversationId)).toBe(known.id);
  expect(simulator.contact(other.id)?.canonicalId).toBeUndefined();
  expect(journal()[0]).toMatchObject({ action: "keepApart", answer: expect.stringContaining("both curated") });

  const contactIds = [known.id, other.id];
  expect(await resolver.merge({ organisation: "main", contactIds })).toMatchObject({ status: "refused" });
  expect(await resolver.merge({ organisation: "main", contactIds, mayMergeCurated: true })).toMatchObject({
    outcome: "merged",
  });
});

test("a merge that Genesys Cloud refuses leaves both, and the conversation shows the known one", async () => {
  const { simulator, resolve, contactOf } = await startDesk();
  const known = simulator.addContact({ fields: { personalEmail: email } });
  const { conversationId } = simulator.webChats.start();
  simulator.faults.add({ route: "POST /api/v2/externalcontacts/contacts/merge", status: 400, count: 1 });
  expect(await resolve(conversationId)).toMatchObject({ outcome: "keptApart", contactId: known.id });
  expect(contactOf(conversationId)).toBe(known.id);
});

test("a contact that goes between look-up and merge is no failure", async () => {
  const { simulator, resolve, journal } = await startDesk();
  const known = simulator.addContact({ fields: { personalEmail: email } });
  const chat = simulator.webChats.start();
  let reads = 0;
  const stop = simulator.on("request", ({ route, method }) => {
    // The second contact that is read is the known one, just before the merge.
    if (method === "GET" && route.endsWith("/contacts/{contactId}") && ++reads === 2) simulator.removeContact(known.id);
  });
  atEnd(stop);
  expect(await resolve(chat.conversationId)).toMatchObject({ outcome: "claimed", contactId: chat.contactId });
  expect(journal()).toEqual([
    expect.objectContaining({ action: "merge", answer: expect.stringContaining("not done") }),
    expect.objectContaining({ action: "claim", contactId: chat.contactId }),
  ]);
});

test.each([
  ["before the decision", "GET /api/v2/conversations/{conversationId}", "known"],
  ["just before the merge", "GET /api/v2/externalcontacts/contacts/{contactId}", "merged"],
])("a contact that somebody else merges %s is merged all the same", async (_when, moment, outcome) => {
  const { simulator, resolve } = await startDesk();
  const known = simulator.addContact({ fields: { personalEmail: email } });
  const chat = simulator.webChats.start();
  let merged = "";
  let seen = 0;
  const stop = simulator.on("request", ({ method, route }) => {
    // The last read of a contact before the merge is that of the known one.
    if (`${method} ${route}` !== moment || (outcome === "merged" && ++seen !== 2) || merged !== "") return;
    merged = simulator.mergeContacts([known.id, chat.contactId]).id;
  });
  atEnd(stop);
  const result = await resolve(chat.conversationId);
  expect(result).toMatchObject({ status: "done", outcome, contactId: merged });
});

test("the customer's contact is found on whichever side they are, and never taken for ours", async () => {
  const { simulator, resolve } = await startDesk();
  const known = simulator.addContact({ fields: { personalEmail: email } });
  simulator.addIntegration({ id: "open-1", name: "chat", webhookUrl: "http://127.0.0.1:9/", secret: "s".repeat(16) });
  const visitor = simulator.addContact({ type: "Ephemeral" });
  const said = simulator.say({ integrationId: "open-1", recipient: "crew-7781" }, "Good morning");
  const external = simulator
    .conversation(said.conversationId)
    ?.participants.find(({ purpose }) => purpose === "external");
  if (external === undefined) throw new Error("an outbound conversation has an external participant");
  external.externalContactId = visitor.id;
  expect(await resolve(said.conversationId)).toMatchObject({ outcome: "merged" });
  const now = simulator.contact(external.externalContactId ?? "");
  expect(now?.mergedFrom.toSorted()).toEqual([known.id, visitor.id].toSorted());
  const agent = simulator.conversation(said.conversationId)?.participants.find(({ purpose }) => purpose === "agent");
  expect(agent?.externalContactId).toBeUndefined();
});

test("a Genesys Cloud that is away is asked later, one that refuses says so", async () => {
  const { simulator, resolve } = await startDesk();
  const chat = simulator.webChats.start();
  simulator.faults.add({ route: "**", status: 503, retryAfterSeconds: 7, count: 1 });
  expect(await resolve(chat.conversationId)).toMatchObject({ status: "later", retryAfterMs: 7000 });
  simulator.faults.add({ route: "**", status: 403, count: 1 });
  expect(await resolve(chat.conversationId)).toMatchObject({ status: "later" }); // the client stays away for its seven seconds
  expect(await resolve(chat.conversationId, { organisation: "other" })).toMatchObject({ status: "refused" });
});
