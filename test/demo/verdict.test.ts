import { type Findings, judge } from "../../src/demo/verdict";
import { customers, story } from "../../src/demo/story";

const [ada] = customers;
if (ada === undefined) throw new Error("the story has no customers");

const mail = { from: "", date: "", text: "", hasHtml: true };
const good: Findings = {
  story: { ...story, mails: [{ to: "ben@customer.example", subject: "Two" }] },
  played: [
    {
      messageId: "m1",
      title: '"Hello"',
      kind: "text",
      customer: ada,
      sent: 2,
      expected: { fate: "delivered", receipt: "Delivered" },
      seen: {
        message: { kind: "text", recipient: { id: ada.id }, fate: "delivered", duplicates: 1 },
        receipts: ["Delivered"],
        timesShown: 1,
      },
    },
  ],
  forged: [{ status: 401, expectedStatus: 401 }],
  mails: [{ ...mail, to: ["ben@customer.example"], subject: "Two" }],
  audit: { ok: true, counts: { messages: 1 } },
};

/** The good findings with something else seen of their message. */
function seeing(seen: Partial<Findings["played"][number]["seen"]>): Findings {
  return { ...good, played: good.played.map((one) => ({ ...one, seen: { ...one.seen, ...seen } })) };
}

test("all is well when everything is as expected", () => {
  expect(judge(good)).toEqual({
    ok: true,
    problems: [],
    rows: [
      {
        message: '"Hello"',
        kind: "text",
        recipient: "Ada",
        expected: "delivered",
        fate: "delivered",
        receipt: "Delivered",
        problems: [],
      },
    ],
  });
});

const text = { kind: "text", recipient: { id: ada.id }, fate: "delivered", duplicates: 1 };
test.each([
  ["another fate", { message: { ...text, fate: "failed" } }, "fate delivered expected"],
  ["a message that is not stored", { message: undefined }, "fate delivered expected"],
  ["no receipt", { receipts: [] }, "receipt Delivered expected"],
  ["a second receipt", { receipts: ["Delivered", "Delivered"] }, "receipt Delivered expected"],
  ["another kind", { message: { ...text, kind: "media" } }, "taken for media"],
  ["somebody else's message", { message: { ...text, recipient: { id: "dan" } } }, "taken for dan's"],
  ["a repeat that was not noticed", { message: { ...text, duplicates: 0 } }, "0 repeats counted, not 1"],
  ["a message shown twice", { timesShown: 2 }, "shown 2 times"],
])("%s is a problem of its row", (_, seen, problem) => {
  const verdict = judge(seeing(seen));
  expect(verdict.ok).toBe(false);
  expect(verdict.rows[0]?.problems).toEqual([problem]);
});

test.each<[string, Partial<Findings>, string]>([
  [
    "a mail too many",
    { mails: [...good.mails, ...good.mails] },
    "this e-mail was not expected: ben@customer.example: Two",
  ],
  ["a mail too few", { mails: [] }, "this e-mail did not come: ben@customer.example: Two"],
  [
    "a forged request that was taken",
    { forged: [{ status: 200, expectedStatus: 401 }] },
    "a forged request was answered 200, not 401",
  ],
  ["a message nobody sent", { audit: { ok: true, counts: { messages: 2 } } }, "the store holds 2 messages, not 1"],
  [
    "a finding of the audit",
    { audit: { ok: false, counts: { messages: 1 } } },
    "the audit found something: see /api/v1/audit",
  ],
])("%s is a problem beside the table", (_, findings, problem) => {
  expect(judge({ ...good, ...findings })).toMatchObject({ ok: false, problems: [problem] });
});
