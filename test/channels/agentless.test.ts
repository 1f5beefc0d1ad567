import { createHash } from "node:crypto";
import type { Agentless, AgentlessAnswer, AgentlessFinding, AgentlessMail } from "../../src/channels/agentless";
import { createAgentlessEmail } from "../../src/channels/agentless-email";
import { createAgentlessSms } from "../../src/channels/agentless-sms";
import type { NoticeContent } from "../../src/channels/channel";
import { deliveryOf, retry, textMessage } from "./deliveries";

const phone = "+436641234567";
const link = "https://bridge.example/unsubscribe/token";
const shared = { name: "mail", organisation: "main", timeoutMs: 200, retry };
const taken: AgentlessAnswer = { status: "done", answer: "HTTP 202", value: { id: "m-1" } };

/** A Genesys Cloud that answers as told, and what it was sent. */
function createGenesys(changes: { answer?: Promise<AgentlessAnswer>; finding?: AgentlessFinding } = {}) {
  const texts: string[] = [];
  const numbers: string[] = [];
  const mails: AgentlessMail[] = [];
  const questions: object[] = [];
  const answer = changes.answer ?? Promise.resolve(taken);
  const agentless: Agentless = {
    sendMessage({ to, text }) {
      numbers.push(to);
      texts.push(text);
      return answer;
    },
    sendEmail(mail) {
      mails.push(mail);
      return answer;
    },
    async findTexts(question) {
      questions.push(question);
      return changes.finding ?? { status: "done", value: [] };
    },
  };
  const agentlessOf = (organisation: string) => (organisation === "main" ? agentless : undefined);
  return { texts, numbers, mails, questions, agentlessOf };
}

function openSms(genesys: ReturnType<typeof createGenesys>, changes: object = {}) {
  const settings = { ...shared, from: "+13175550142", ...changes };
  return createAgentlessSms(settings, { ...genesys, now: () => new Date(1_000_000) });
}

function openEmail(genesys: ReturnType<typeof createGenesys>, changes: object = {}) {
  return createAgentlessEmail({ ...shared, from: "Harborline <notices@mail.example.org>", ...changes }, genesys);
}

const smsNotice = (text: string, to = phone) => deliveryOf(textMessage(), { notice: { to, subject: "", text } });
const mailNotice = (changes: Partial<NoticeContent> = {}) =>
  deliveryOf(textMessage(), { notice: { to: "ines@example.org", subject: "New", text: "Read on.\n", ...changes } });

describe("SMS", () => {
  test("a notice goes to the number in E.164", async () => {
    const genesys = createGenesys();
    expect(await openSms(genesys).send(smsNotice("Hello", "+43 664 123 45 67"))).toMatchObject({
      status: "accepted",
      providerMessageId: "m-1",
    });
    expect(genesys).toMatchObject({ numbers: [phone], texts: ["Hello"] });
  });

  test("a notice of 765 characters goes as it is, a longer one is cut between words", async () => {
    const genesys = createGenesys();
    const channel = openSms(genesys);
    const full = "x".repeat(765);
    await channel.send(smsNotice(full));
    await channel.send(smsNotice("ferry ".repeat(200)));
    await channel.send(smsNotice("⛴️".repeat(400)));
    expect(genesys.texts[0]).toBe(full);
    expect(genesys.texts[1]).toMatch(/^(ferry )+ferry…$/);
    expect(genesys.texts[1]?.length).toBeGreaterThan(750);
    expect(genesys.texts[2]).toMatch(/^(⛴️)+…$/);
    expect(Math.max(...genesys.texts.map((text) => text.length))).toBe(765);
  });

  test("a message comes in parts that fit, and one that does not fit is not cut", async () => {
    const genesys = createGenesys();
    const channel = openSms(genesys);
    expect(channel.accepts.textLength).toBe(765);
    const recipient = { id: phone, idType: "Phone" };
    expect(await channel.send(deliveryOf(textMessage({ recipient, text: "x".repeat(766) })))).toMatchObject({
      retryable: false,
      reason: { code: "InvalidMessageStructure" },
    });
    expect(genesys.texts).toEqual([]);
  });

  test("what is no number, or says nothing, is refused unsent", async () => {
    const genesys = createGenesys();
    const channel = openSms(genesys);
    for (const to of ["0664 1234567", "visitor-1", ""]) {
      expect(await channel.send(smsNotice("Hello", to))).toMatchObject({ reason: { code: "InvalidDestination" } });
    }
    expect(await channel.send(smsNotice(" "))).toMatchObject({ reason: { code: "UnsupportedMessage" } });
    expect(genesys.texts).toEqual([]);
  });

  test("without an answer in time nobody knows, and without an organisation nothing is sent", async () => {
    const silent = createGenesys({ answer: new Promise(() => undefined) });
    expect(await openSms(silent, { timeoutMs: 20 }).send(smsNotice("Hello"))).toMatchObject({ uncertain: true });
    const other = await openSms(createGenesys(), { organisation: "other" }).send(smsNotice("Hello"));
    expect(other).toMatchObject({ retryable: true, unsent: true });
  });

  const textHash = createHash("sha256").update("Hello").digest("base64url");
  const hidden = { to: phone, sentAt: 990_000, textHash };
  const ours = { id: "m-1", text: "Hello", status: "sent" } as const;

  test("a hidden send is known by its text, among those since it began", async () => {
    const genesys = createGenesys({ finding: { status: "done", value: [{ ...ours, text: "Hello?" }, ours] } });
    expect(await openSms(genesys).lookUp?.(hidden)).toMatchObject({
      status: "found",
      outcome: { status: "accepted", providerMessageId: "m-1" },
    });
    const time = { since: 985_000, until: 1_005_000 };
    expect(genesys.questions).toEqual([{ from: "+13175550142", to: phone, ...time }]);
  });

  test.each<[string, AgentlessFinding, object]>([
    ["not found is asked for again", { status: "done", value: [{ ...ours, text: "Bye" }] }, { status: "later" }],
    ["not told now is asked for again", { status: "later", retryAfterMs: 5 }, { status: "later", retryAfterMs: 5 }],
    [
      "never told stays unknown",
      { status: "refused", answer: "HTTP 403" },
      { status: "found", outcome: { uncertain: true, retryable: false, answer: "HTTP 403" } },
    ],
  ])("a hidden send that is %s", async (_what, finding, expected) => {
    expect(await openSms(createGenesys({ finding })).lookUp?.(hidden)).toMatchObject(expected);
  });
});

describe("e-mail", () => {
  test("a notice goes with both bodies, from the name and the address, answers to where it says", async () => {
    const genesys = createGenesys();
    const channel = openEmail(genesys, { replyTo: '"Help, please" <help@example.org>' });
    const html = "<p>Read on.</p>";
    expect(await channel.send(mailNotice({ html }))).toMatchObject({ status: "accepted", providerMessageId: "m-1" });
    await channel.send(mailNotice({ replyTo: "desk@example.org" }));
    expect(genesys.mails).toEqual([
      {
        from: { email: "notices@mail.example.org", name: "Harborline" },
        to: { email: "ines@example.org" },
        replyTo: { email: "help@example.org", name: "Help, please" },
        subject: "New",
        text: "Read on.\n",
        html,
      },
      expect.objectContaining({ replyTo: { email: "desk@example.org" } }),
    ]);
  });

  test("the link to unsubscribe stands in both bodies, once", async () => {
    const genesys = createGenesys();
    const channel = openEmail(genesys);
    const html = "<html><body><p>Read on.</p></body></html>";
    await channel.send(mailNotice({ html, unsubscribeUrl: link, language: "de-AT" }));
    const text = `Read on. No more: ${link}`;
    await channel.send(mailNotice({ text, html: `<a href="${link}">No more</a>`, unsubscribeUrl: link }));
    await channel.send(mailNotice({ unsubscribeUrl: `${link}?a=1&b=2`, html: "Read on." }));
    const [added, own, bare] = genesys.mails;
    expect(added?.text).toBe(`Read on.\n\nKeine E-Mails dieser Art mehr: ${link}\n`);
    expect(added?.html).toBe(
      `<html><body><p>Read on.</p><p><a href="${link}">Keine E-Mails dieser Art mehr</a></p>\n</body></html>`,
    );
    expect(own).toMatchObject({ text, html: `<a href="${link}">No more</a>` });
    expect(bare?.html).toBe(`Read on.\n<p><a href="${link}?a=1&amp;b=2">No more e-mails of this kind</a></p>\n`);
  });

  test("marketing is refused for good, and nothing of it sent", async () => {
    const genesys = createGenesys();
    expect(await openEmail(genesys).send(mailNotice({ purpose: "marketing", unsubscribeUrl: link }))).toMatchObject({
      retryable: false,
      reason: { code: "MessageNotAllowed" },
    });
    expect(genesys.mails).toEqual([]);
    expect(await openEmail(genesys).send(mailNotice({ purpose: "transactional" }))).toMatchObject({
      status: "accepted",
    });
  });

  test.each([
    ["two lines", "One\r\nBcc: two", "One Bcc: two"],
    ["nothing", " ", "Harborline"],
    ["500 characters", "é".repeat(500), `${"é".repeat(399)}…`],
  ])("a subject of %s becomes one that is taken", async (_what, subject, expected) => {
    const genesys = createGenesys();
    await openEmail(genesys).send(mailNotice({ subject }));
    expect(genesys.mails[0]?.subject).toBe(expected);
  });

  test.each(["ines@example.org, b@example.org", "ines", "ines@localhost", "a@b.example\r\nBcc: c@d.example"])(
    "%j is no recipient",
    async (to) => {
      const genesys = createGenesys();
      expect(await openEmail(genesys).send(mailNotice({ to }))).toMatchObject({
        retryable: false,
        reason: { code: "InvalidDestination" },
      });
      expect(genesys.mails).toEqual([]);
    },
  );

  test("a mail cannot be asked for", () => {
    expect(openEmail(createGenesys())).not.toHaveProperty("lookUp");
  });
});
