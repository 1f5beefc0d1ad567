import { checkTemplate, type NoticeFacts, renderNotice, sampleFacts } from "../../src/fallback/render";

const facts: NoticeFacts = {
  count: 2,
  from: "Harborline <b>Support</b>",
  returnUrl: "https://chat.example/?a=1&b=2",
  unsubscribeUrl: "https://bridge.example/unsubscribe/abc",
  firstAt: "2026-09-14T08:00:00.000Z",
  lastAt: "2026-09-14T08:05:00.000Z",
  messages: [],
};
const english = { fallback: "en" };

test("the default wording says how many, from whom and where to read on", () => {
  const { subject, text, html, sms, broken } = renderNotice(facts, {}, english);
  expect(broken).toEqual([]);
  expect(subject).toBe("You have 2 new messages from Harborline <b>Support</b>");
  expect(text).toContain("2 messages from Harborline <b>Support</b> could not be shown to you");
  expect(text).toContain("https://chat.example/?a=1&b=2");
  expect(text).toContain("https://bridge.example/unsubscribe/abc");
  expect(html).toContain("Harborline &lt;b&gt;Support&lt;/b&gt;");
  expect(html).toContain('href="https://chat.example/?a=1&amp;b=2"');
  expect(sms).toBe("Harborline <b>Support</b>: you have 2 new messages. https://chat.example/?a=1&b=2");
});

test("without pages there are no links", () => {
  const { text, html } = renderNotice({ ...facts, count: 1, returnUrl: false, unsubscribeUrl: false }, {}, english);
  expect(text).toContain("a message from");
  expect(text + html).not.toContain("http");
});

test.each([
  ["de-AT", { de: { sms: "deutsch" }, "de-AT": { sms: "österreichisch" } }, "österreichisch"],
  ["de-CH", { de: { sms: "deutsch" }, en: { sms: "english" } }, "deutsch"],
  ["fr", { de: { sms: "deutsch" }, en: { sms: "english" } }, "english"],
  [undefined, { de: { sms: "deutsch" } }, "{from}: you have 2 new messages."],
])("for %s the wording is chosen of %j", (language, templates, expected) => {
  const plain = { ...facts, from: "{from}", returnUrl: false } as const;
  expect(renderNotice(plain, templates, { language, fallback: "en" }).sms).toBe(expected);
});

test("the policy's language stands in for one that nobody told", () => {
  const rendered = renderNotice(facts, {}, { fallback: "de" });
  expect(rendered.language).toBe("de");
  expect(rendered.subject).toBe("2 neue Nachrichten von Harborline <b>Support</b>");
});

test("an own text is shown in both parts of a mail, its links to be clicked", () => {
  const { text, html } = renderNotice(facts, { en: { text: "{{ count }} < 3, see {{ returnUrl }}." } }, english);
  expect(text).toBe("2 < 3, see https://chat.example/?a=1&b=2.\n");
  expect(html).toContain("2 &lt; 3");
  expect(html).toContain('<a href="https://chat.example/?a=1&amp;b=2">');
});

test.each([
  ["a missing variable", "{{ nobody }}"],
  ["an unknown filter", "{{ count | frobnicate }}"],
  ["a file", '{% include "package.json" %}'],
  ["an endless loop", "{% for i in (1..100000000) %}{{ i }}{% endfor %}"],
  ["a tag that is never closed", "{% if count %}"],
])("a template with %s is found by the check, and the default wording takes its place", (_, template) => {
  expect(checkTemplate("subject", template)).toEqual(expect.any(String));
  const { subject, broken } = renderNotice(facts, { en: { subject: template } }, english);
  expect(broken).toEqual(["subject"]);
  expect(subject).toMatch(/^You have 2 new messages/);
});

test("a template that only fails for one of several messages is found too", () => {
  expect(checkTemplate("text", "{% if count > 1 %}{{ oops }}{% endif %}")).toContain("oops");
});

test("the default wording of every language passes its own check", () => {
  for (const language of ["en", "de"]) {
    for (const sample of sampleFacts) expect(renderNotice(sample, {}, { language, fallback: "en" }).broken).toEqual([]);
  }
});

test("a subject is one line, and an SMS is not longer than five parts", () => {
  const templates = {
    en: { subject: "one\r\nBcc: eve@evil.example", sms: "{% for i in (1..400) %}words {% endfor %}" },
  };
  const { subject, sms } = renderNotice(facts, templates, english);
  expect(subject).toBe("one Bcc: eve@evil.example");
  expect([...sms]).toHaveLength(765);
});

test("a template reaches nothing beyond the facts", () => {
  expect(checkTemplate("text", "{{ from.constructor }}")).toContain("undefined");
});
