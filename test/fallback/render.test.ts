import { type NoticeFacts, renderNotice } from "../../src/fallback/render";

const facts: NoticeFacts = {
  count: 2,
  from: "Harborline",
  returnUrl: "https://chat.harborline.example/?a=1&b=2",
  firstAt: "2026-09-14T08:00:00.000Z",
  lastAt: "2026-09-14T08:01:00.000Z",
};

test("the default wording says how many, from whom and where, in text and HTML", () => {
  const notice = renderNotice(facts, {});
  expect(notice.subject).toBe("You have 2 new messages from Harborline");
  expect(notice.text).toContain("2 messages from Harborline");
  expect(notice.text).toContain("https://chat.harborline.example/?a=1&b=2");
  expect(notice.html).toContain('href="https://chat.harborline.example/?a=1&amp;b=2"');
  expect(notice.sms).toBe("Harborline: you have 2 new messages. https://chat.harborline.example/?a=1&b=2");
  expect(renderNotice({ ...facts, count: 1 }, {}).subject).toBe("You have a new message from Harborline");
});

test("without a page to return to, no link is made up", () => {
  const { returnUrl: _none, ...without } = facts;
  const notice = renderNotice(without, {});
  expect(`${notice.text}${notice.html}${notice.sms}`).not.toContain("http");
});

test("a name is text, in HTML too, and cannot break out of a subject", () => {
  const notice = renderNotice({ ...facts, from: '<script>alert("1")</script>\r\nBcc: evil@b.example' }, {});
  expect(notice.html).not.toContain("<script>");
  expect(notice.subject).not.toMatch(/[\r\n]/);
  expect(notice.sms).not.toMatch(/[\r\n]/);
});

test("a text of one's own is shown as HTML as well, escaped", () => {
  const notice = renderNotice({ ...facts, from: "A & B" }, { en: { text: "From {{ from }}" } });
  expect(notice.text).toBe("From A & B");
  expect(notice.html).toContain("From A &amp; B");
});

test("the wording is chosen by language, then English, then the default", () => {
  const templates = { de: { subject: "Neu" }, en: { subject: "New" } };
  expect(renderNotice(facts, templates, "de").subject).toBe("Neu");
  expect(renderNotice(facts, templates, "de-AT").subject).toBe("Neu");
  expect(renderNotice(facts, templates, "fr").subject).toBe("New");
  expect(renderNotice(facts, { de: { subject: "Neu" } }, "fr").subject).toContain("new messages");
});

test.each([
  ["a variable that is none", "{{ secret }}"],
  ["a filter that is none", "{{ from | shout }}"],
  ["a file", '{% include "package.json" %}'],
  ["a layout", '{% layout "package.json" %}'],
  ["a loop without end", "{% for a in (1..100000000) %}{{ a }}{% endfor %}"],
  ["no end tag", "{% if count == 1 %}"],
])("a template with %s is refused", (_, text) => {
  expect(() => renderNotice(facts, { en: { text } })).toThrow(/\w/);
});

test("a template reaches nothing beyond the facts", () => {
  expect(() => renderNotice(facts, { en: { text: "{{ from.constructor }}" } })).toThrow(/undefined/);
});
