import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readGenesysEvent } from "../../src/message/genesys-event";

const sample = (name: string) =>
  JSON.parse(readFileSync(join(__dirname, `../fixtures/events/${name}.json`), "utf8")) as Record<string, unknown>;

/** What `TopLevelPrimitives` leaves of an event. */
function flatten(event: Record<string, unknown>) {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => typeof value !== "object"));
}

const end = sample("customer-end");
const undelivered = sample("webmessaging-undelivered");
const messageIds = ["c7f9a76e648c7a6003248fd6e8f0b2b9", "82a1783f6e6a79b1c46587bcb0c2ebd4"];
const endRead = { type: "customerEnd", conversationId: end.conversationId, at: 1789376150000 };
const undeliveredRead = {
  type: "undelivered",
  conversationId: undelivered.conversationId,
  at: 1789376133000,
  messageIds,
};
const endTopic = `v2.detail.events.conversation.${String(end.conversationId)}.customer.end`;
const undeliveredTopic = "v2.webmessaging.deployments.{id}.undelivered.messages";

test.each([
  ["the customer's end, bare", end, endRead],
  ["its flat values", flatten(end), endRead],
  ["it with its topic", { topic: endTopic, event: end }, endRead],
  ["it with the topic's name", { topic: "v2.detail.events.conversation.{id}.customer.end", event: end }, endRead],
  ["it as a notification", { topicName: endTopic, version: "1", eventBody: end }, endRead],
  ["its flat values with a topic beside them", { topic: endTopic, ...flatten(end) }, endRead],
  ["numbers written as texts", { ...end, eventTime: "1789376150000" }, endRead],
  ["a conversation alone", { conversationId: "abc-1" }, { type: "customerEnd", conversationId: "abc-1", at: null }],
  ["undelivered web messages, bare", undelivered, undeliveredRead],
  ["them with their topic", { topic: undeliveredTopic, event: undelivered }, undeliveredRead],
  ["their flat values", flatten(undelivered), { ...undeliveredRead, messageIds: [] }],
  [
    "a list with oddities in it",
    { ...undelivered, messages: [null, 1, { id: 7 }, { id: messageIds[0] }] },
    { ...undeliveredRead, messageIds: messageIds.slice(0, 1) },
  ],
  ["the end of a call", { ...end, mediaType: "VOICE" }, { ...endRead, type: "other" }],
])("%s is understood", (_name, body, event) => {
  expect(readGenesysEvent(body)).toEqual({ ok: true, event });
});

test.each(["acd-end", "user-end", "wrapup"])("%s is news that nothing follows from", (name) => {
  const body = sample(name);
  const { conversationId, eventTime } = body;
  const event = { type: "other", conversationId, at: eventTime };
  expect(readGenesysEvent(body)).toEqual({ ok: true, event });
  expect(
    readGenesysEvent({ topic: `v2.detail.events.conversation.{id}.${name.replace("-", ".")}`, event: body }),
  ).toEqual({
    ok: true,
    event,
  });
});

test.each([
  [
    { type: "optOut", address: "ines@harborline.example", channel: "email" },
    { address: "ines@harborline.example", channel: "email", conversationId: null, at: null },
  ],
  [
    { type: "optOut", address: " +43 664 1234567 ", channel: "sms", at: "2026-09-14T08:00:00Z" },
    { address: "+43 664 1234567", channel: "sms", conversationId: null, at: 1789372800000 },
  ],
  [
    { type: "optOut", address: "a@b.example", conversationId: "abc" },
    { address: "a@b.example", channel: "*", conversationId: "abc", at: null },
  ],
])("an opt-out that a flow heard is understood", (body, event) => {
  expect(readGenesysEvent(body)).toEqual({ ok: true, event: { type: "optOut", ...event } });
});

test.each([
  [null, undefined],
  [[], undefined],
  ["text", undefined],
  [{}, "conversationId"],
  [{ conversationId: "" }, "conversationId"],
  [{ conversationId: 7 }, "conversationId"],
  [{ conversationId: "a/../b" }, "conversationId"],
  [{ conversationId: "x".repeat(201) }, "conversationId"],
  [{ topic: 7, event: end }, "topic"],
  [{ topic: "v2.users.me.presence", event: end }, "topic"],
  [{ type: "optOut", address: "nobody" }, "address"],
  [{ type: "optIn", address: "a@b.example" }, "type"],
  [{ type: "optOut", address: "a@b.example\r\nBcc: c@d.example" }, "address"],
])("%j is refused at %s", (body, field) => {
  expect(readGenesysEvent(body)).toMatchObject({ ok: false, ...(field === undefined ? {} : { field }) });
});
