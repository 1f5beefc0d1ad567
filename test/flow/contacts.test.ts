/** Who a customer is: asked by a flow, proven by a code, resolved at Genesys Cloud. */
import { adminToken, chatSecret, eventToken } from "../helpers/bridge";
import { type Practice, type PracticeOptions, startPractice } from "../helpers/practice";
import { startAdapter } from "../helpers/adapter";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const email = "ines@harborline.example";

/** A mail channel for codes comes with a policy. */
const start = (engine: (typeof engines)[number], options: PracticeOptions = {}) =>
  startPractice(engine, { fallback: {}, ...options });

const ask = (practice: Practice, body: object, token = eventToken) =>
  practice.callApi<{ status?: string; expiresAt?: string; error?: { code: string; field?: string } }>(
    "/contacts/resolve",
    body,
    token,
  );

async function verify(practice: Practice, conversationId: string, code: string | number): Promise<string | undefined> {
  return (await practice.callApi<{ status?: string }>("/contacts/verify", { conversationId, code }, eventToken)).body
    .status;
}

/** The codes that were mailed, the newest last. */
function codesOf(practice: Practice): string[] {
  return practice.mails().map(({ mail }) => /\d{6}/.exec(mail.text ?? "")?.[0] ?? "");
}

async function nextCode(practice: Practice, count = 1): Promise<string> {
  await until(() => practice.mails().length >= count);
  return codesOf(practice)[count - 1] ?? "";
}

const otherThan = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

const proofsOf = (practice: Practice) =>
  practice.read((db) => db.selectFrom("contact_proofs").selectAll().orderBy("seq").execute());

interface JournalItem {
  action: string;
  cause: string;
  proof: string;
  contactId: string | null;
}
const journalOf = async (practice: Practice) =>
  (await practice.get<{ items: JournalItem[] }>("/api/v1/contacts/journal")).items;

function contactOf(practice: Practice, conversationId: string) {
  const { simulator } = practice;
  const { externalContactId = "" } = simulator.conversation(conversationId)?.participants[0] ?? {};
  const contact = simulator.contact(externalContactId);
  return contact?.canonicalId === undefined ? contact : simulator.contact(contact.canonicalId);
}

describe.each(engines)("on %s", (engine) => {
  test("a visitor proves who they are by a code, and becomes the customer they are known as", async () => {
    const practice = await start(engine, { logLevel: "debug" });
    const known = practice.simulator.addContact({ fields: { firstName: "Ines", personalEmail: email } });
    const chat = practice.simulator.webChats.start();
    const { conversationId } = chat;

    const asked = await ask(practice, { conversationId, email: " INES@Harborline.example" });
    expect(asked).toEqual({ status: 202, body: { status: "codeSent", expiresAt: expect.any(String) } });
    const code = await nextCode(practice);
    expect(practice.mails()[0]?.envelope.rcptTo.map(({ address }) => address)).toEqual([email]);
    expect(await verify(practice, conversationId, otherThan(code))).toBe("wrong");
    expect(await journalOf(practice)).toEqual([]);
    expect(await verify(practice, conversationId, `${code.slice(0, 3)} ${code.slice(3)}`)).toBe("verified");

    const [merged] = await until(
      () => journalOf(practice),
      (items) => items.some(({ contactId }) => contactId !== null),
    );
    expect(merged).toMatchObject({ action: "merge", cause: "flow", proof: "email", conversationId });
    expect(contactOf(practice, conversationId)).toMatchObject({
      id: merged?.contactId,
      fields: { firstName: "Ines" },
      mergedFrom: expect.arrayContaining([known.id, chat.contactId]),
    });
    // Neither the address nor the code is kept or logged once it is over.
    const [proof] = await proofsOf(practice);
    expect(proof).toMatchObject({ state: "proven", address: null, code_hash: null, salt: null });
    for (const secret of [email, code]) expect(practice.logged.join("\n").toLowerCase()).not.toContain(secret);
    expect(await verify(practice, conversationId, code)).toBe("expired");
  });

  test("the answer is the same whether or not the address is known, and a code goes out either way", async () => {
    const practice = await start(engine);
    practice.simulator.addContact({ fields: { personalEmail: email } });
    const answers = [];
    for (const address of [email, "nobody@harborline.example"]) {
      const { conversationId } = practice.simulator.webChats.start();
      const { status, body } = await ask(practice, { conversationId, email: address });
      answers.push([status, Object.keys(body), body.status]);
    }
    expect(answers[0]).toEqual(answers[1]);
    await until(() => practice.mails().length === 2);
    expect(practice.simulator.requests.list().filter(({ path }) => path.includes("externalcontacts"))).toEqual([]);
  });

  test("a code is valid for its time, for a few tries, once, and until a newer one", async () => {
    const practice = await start(engine, { contacts: { codeMinutes: 5, triesPerCode: 3, codesPerAddressPerHour: 9 } });
    const { conversationId } = practice.simulator.webChats.start();
    const askOnce = () => ask(practice, { conversationId, email });
    await askOnce();
    const late = await nextCode(practice, 1);
    practice.clock.advance(5 * 60_000);
    expect(await verify(practice, conversationId, late)).toBe("expired");

    await askOnce();
    const guessed = await nextCode(practice, 2);
    for (let n = 0; n < 3; n += 1) expect(await verify(practice, conversationId, otherThan(guessed))).toBe("wrong");
    expect(await verify(practice, conversationId, guessed)).toBe("expired");

    await askOnce();
    const older = await nextCode(practice, 3);
    await askOnce();
    const newer = await nextCode(practice, 4);
    expect(await verify(practice, conversationId, older)).toBe(older === newer ? "verified" : "wrong");
    expect(await verify(practice, "another-conversation", newer)).toBe("expired");
    const both = await Promise.all([verify(practice, conversationId, newer), verify(practice, conversationId, newer)]);
    expect(both.toSorted()).toEqual(["verified", "wrong"].toSorted());
  });

  test("codes are limited by address, conversation and day, and whoever asks does not notice", async () => {
    const practice = await start(engine, {
      contacts: { codesPerAddressPerHour: 2, codesPerConversationPerDay: 3, codesPerDay: 5 },
    });
    const first = practice.simulator.webChats.start().conversationId;
    const asked = async (conversationId: string, address: string) =>
      (await ask(practice, { conversationId, email: address })).body.status;
    expect(await asked(first, email)).toBe("codeSent");
    expect(await asked(first, email)).toBe("codeSent");
    expect(await asked(first, email)).toBe("codeSent"); // too many for the address
    expect(await asked(first, "b@harborline.example")).toBe("codeSent");
    expect(await asked(first, "c@harborline.example")).toBe("codeSent"); // too many for the conversation
    practice.clock.advance(3_600_000);
    expect(await asked("conversation-2", email)).toBe("codeSent");
    expect(await asked("conversation-2", "d@harborline.example")).toBe("codeSent");
    expect(await asked("conversation-2", "e@harborline.example")).toBe("codeSent"); // too many in a day
    await practice.settle();
    expect((await proofsOf(practice)).map(({ state, answer }) => (state === "withheld" ? answer : "sent"))).toEqual([
      ...["sent", "sent", "address", "sent", "conversation", "sent", "sent", "day"],
    ]);
    expect(practice.mails()).toHaveLength(5);
  });

  test("many who ask at once get no more codes than one after the other", async () => {
    const practice = await start(engine, { contacts: { codesPerAddressPerHour: 2 } });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => ask(practice, { conversationId: `conversation-${n}`, email })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await practice.settle();
    expect(practice.mails()).toHaveLength(2);
  });

  test("codes by SMS go to the countries that are named, and nowhere else", async () => {
    const texts = await startAdapter(chatSecret);
    atEnd(texts.stop);
    const practice = await start(engine, {
      channels: { texts: { type: "http", url: texts.url, secret: chatSecret } },
      contacts: { smsChannel: "texts", smsCountries: ["AT"], country: "AT" },
    });
    const { conversationId } = practice.simulator.webChats.start();
    expect((await ask(practice, { conversationId, phone: "0664 1234567" })).body.status).toBe("codeSent");
    // Neither a satellite's, a premium service's nor another country's number gets one, and nobody is told.
    for (const phone of ["+882 16 12345678", "+1 900 555 0100", "+4915112345678"]) {
      expect((await ask(practice, { conversationId: `to ${phone}`.replaceAll(" ", "-"), phone })).body.status).toBe(
        "codeSent",
      );
    }
    const [call] = await until(
      () => texts.calls,
      (calls) => calls.length > 0,
    );
    await practice.settle();
    expect(texts.calls).toHaveLength(1);
    expect(call?.body.notice).toMatchObject({ to: "+436641234567", text: expect.stringMatching(/\d{6}/) });
    const code = /\d{6}/.exec(call?.body.notice?.text ?? "")?.[0] ?? "";
    expect(await verify(practice, conversationId, Number(code))).toBe("verified");
    const [claimed] = await until(
      () => journalOf(practice),
      (items) => items.length > 0 && items[0]?.contactId !== null,
    );
    expect(claimed).toMatchObject({ action: "claim", proof: "sms" });
    expect(contactOf(practice, conversationId)?.identifiers).toMatchObject([{ type: "Phone", value: "+436641234567" }]);
  });

  test("what is asked wrongly is refused with the field, and the routes for operators take the admin token only", async () => {
    const practice = await start(engine);
    const conversationId = "conversation-1";
    for (const [body, field] of [
      [{ email }, "conversationId"],
      [{ conversationId }, "email"],
      [{ conversationId, email, phone: "+43123" }, "email"],
      [{ conversationId, email: "nobody" }, "email"],
      [{ conversationId, phone: "12" }, "phone"],
      [{ conversationId, externalId: "crew-7781" }, "externalId"],
      [{ conversationId, email, integration: "unknown" }, "integration"],
      [{ conversationId, email, contactId: "x" }, "contactId"],
    ] as const) {
      const answer = await ask(practice, body);
      expect([body, answer.status, answer.body.error?.field]).toEqual([body, 400, field]);
    }
    expect((await ask(practice, { conversationId, phone: "+436641234567" })).status).toBe(409);
    for (const token of ["", "wrong"]) expect((await ask(practice, { conversationId, email }, token)).status).toBe(401);
    expect((await ask(practice, { conversationId, email }, adminToken)).status).toBe(202);
    const merge = { contactIds: ["a", "b"] };
    expect((await practice.callApi("/contacts/merge", merge, eventToken)).status).toBe(401);
    expect((await practice.callApi("/contacts/attach", { conversationId, email }, eventToken)).status).toBe(401);
    expect((await practice.callApi("/contacts/lookup", { email }, eventToken)).status).toBe(401);
  });

  test("operators look up, attach and merge without a code, and read what was done", async () => {
    const practice = await start(engine);
    const known = practice.simulator.addContact({ fields: { firstName: "Ines", personalEmail: email } });
    const twin = practice.simulator.addContact({
      type: "Identified",
      fields: { cellPhone: { e164: "+436641234567" } },
    });
    const found = await practice.callApi<{ contact: { id: string } | null }>("/contacts/lookup", { email });
    expect(found.body.contact?.id).toBe(known.id);
    expect((await practice.callApi("/contacts/lookup", { email: "x@y.example" })).body).toEqual({ contact: null });

    const merge = { contactIds: [known.id, twin.id] };
    const merged = await practice.callApi<{ outcome: string; contactId: string }>("/contacts/merge", merge);
    expect(merged).toMatchObject({ status: 200, body: { outcome: "merged" } });
    expect((await practice.callApi("/contacts/merge", merge)).body).toMatchObject({ outcome: "known" });

    const chat = practice.simulator.webChats.start();
    const attached = await practice.callApi("/contacts/attach", {
      conversationId: chat.conversationId,
      phone: "+436641234567",
    });
    expect(attached.body).toMatchObject({ outcome: "merged" });
    expect((await journalOf(practice)).map(({ action, cause, proof }) => [action, cause, proof])).toEqual([
      ["merge", "operator", "operator"],
      ["merge", "operator", "operator"],
    ]);
    const unknown = await practice.callApi("/contacts/merge", { contactIds: [known.id, "nobody"] });
    expect(unknown).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
  });

  describe("a first message", () => {
    const from = { id: "crew-7781", idType: "Opaque", email, firstName: "Ines" };
    const write = (practice: Practice, messageId: string, text = "Hello") =>
      practice.tell("messages", { integration: "harborline-chat", messageId, from, text });

    test("resolves the contact by itself where the adapter's word counts, once for a conversation", async () => {
      const practice = await start(engine, { integration: { contacts: { automatic: true, proof: "none" } } });
      const known = practice.simulator.addContact({ fields: { firstName: "Ines", personalEmail: email } });
      expect((await write(practice, "m-1")).status).toBe(202);
      const [merged] = await until(
        () => journalOf(practice),
        (items) => items.length > 0 && items[0]?.contactId !== null,
      );
      expect(merged).toMatchObject({ action: "merge", cause: "firstMessage", proof: "none" });
      expect(practice.simulator.contact(known.id)?.canonicalId).toBe(merged?.contactId);
      await write(practice, "m-2", "Are you there?");
      await until(() => practice.simulator.inboundMessages().length === 2);
      await practice.settle();
      expect(await journalOf(practice)).toHaveLength(1);
      expect(practice.mails()).toEqual([]);
    });

    test("asks for a code where ownership is to be proven, and for no second one", async () => {
      const practice = await start(engine, { integration: { contacts: { automatic: true } } });
      practice.simulator.addContact({ fields: { personalEmail: email } });
      await write(practice, "m-1");
      const code = await nextCode(practice);
      await write(practice, "m-2");
      await until(() => practice.simulator.inboundMessages().length === 2);
      await practice.settle();
      expect(practice.mails()).toHaveLength(1);
      const conversationId = practice.simulator.inboundMessages()[0]?.conversationId ?? "";
      expect(await verify(practice, conversationId, code)).toBe("verified");
      await until(
        () => journalOf(practice),
        (items) => items[0]?.action === "merge" && items[0].contactId !== null,
      );
    });

    test("changes nothing where the settings do not say so", async () => {
      const practice = await start(engine);
      practice.simulator.addContact({ fields: { personalEmail: email } });
      await write(practice, "m-1");
      await until(() => practice.simulator.inboundMessages().length === 1);
      await practice.settle();
      expect(await journalOf(practice)).toEqual([]);
      expect(practice.simulator.requests.list().filter(({ path }) => path.includes("externalcontacts"))).toEqual([]);
    });
  });

  test("a right code counts although Genesys Cloud is away and the bridge restarts", async () => {
    const practice = await start(engine);
    practice.simulator.addContact({ fields: { personalEmail: email } });
    const { conversationId } = practice.simulator.webChats.start();
    await ask(practice, { conversationId, email });
    const code = await nextCode(practice);
    const fault = practice.simulator.faults.add({ route: "**/externalcontacts/**", status: 503, retryAfterSeconds: 1 });
    expect(await verify(practice, conversationId, code)).toBe("verified");
    await practice.simulator.next("request", ({ status }) => status === 503);
    await practice.restart();
    practice.simulator.faults.clear(fault);
    await until(async () => {
      practice.clock.advance(1000);
      return (await journalOf(practice)).some(({ action, contactId }) => action === "merge" && contactId !== null);
    });
  });
});
