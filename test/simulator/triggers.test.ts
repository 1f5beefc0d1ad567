import { fitsCriterion, type MatchCriteria } from "../../src/simulator/trigger-match";
import { customer, inboundPath, startBoth, startReceiver } from "./connector";

const workflow = "f11c3021-a30d-5f2e-855d-7b831948374a";
const customerEnd = {
  name: "Chat ended",
  topicName: "v2.detail.events.conversation.{id}.customer.end",
  enabled: true,
  target: { type: "Workflow", id: workflow, workflowTargetSettings: { dataFormat: "Json" } },
  matchCriteria: [{ jsonPath: "messageType", operator: "Equal", value: "OPEN" }],
};
const path = "/api/v2/processautomation/triggers";

describe("a trigger", () => {
  let events: Awaited<ReturnType<typeof startReceiver>>;
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    events = await startReceiver((_hook, response) => response.writeHead(202).end());
    both = await startBoth({
      publishReceipts: false,
      triggerSecondMs: 1,
      workflows: { [workflow]: { url: events.url, headers: { authorization: "Bearer event-token" } } },
    });
  });
  afterEach(async () => {
    await both.stop();
    await events.close();
  });

  async function startChat() {
    const channel = { from: customer, time: "2026-09-14T08:18:44.000Z" };
    const { body } = await both.call("POST", `${inboundPath}/message?prefetchConversationId=true`, {
      channel,
      text: "Hello",
    });
    await both.simulator.say({ conversationId: body.conversationId }, "Good morning").sent;
    return body.conversationId;
  }

  it("posts the event of an ended conversation with the workflow's own headers, once", async () => {
    await both.call("POST", path, customerEnd);
    await both.call("POST", path, { ...customerEnd, name: "off", enabled: false });
    const conversationId = await startChat();
    const fired = both.simulator.next("trigger");
    both.simulator.disconnect(conversationId, "customer");
    both.simulator.disconnect(conversationId, "customer");
    expect(await fired).toMatchObject({ status: 202, event: { conversationId } });
    const contactId = both.simulator.conversation(conversationId)?.participants[0]?.externalContactId;
    expect(events.received.map(({ json, headers }) => [headers.authorization, json])).toEqual([
      [
        "Bearer event-token",
        {
          topic: customerEnd.topicName,
          event: expect.objectContaining({
            eventTime: expect.any(Number),
            disconnectType: "CLIENT",
            mediaType: "MESSAGE",
            messageType: "OPEN",
            direction: "INBOUND",
            addressFrom: customer.id,
            externalContactId: contactId,
            conversationExternalContactIds: [contactId],
          }),
        },
      ],
    ]);
  });

  it("hands over flat values only as TopLevelPrimitives, after its delay", async () => {
    const target = { ...customerEnd.target, workflowTargetSettings: { dataFormat: "TopLevelPrimitives" } };
    await both.call("POST", path, { ...customerEnd, target, delayBySeconds: 60 });
    const conversationId = await startChat();
    const endedAt = performance.now();
    both.simulator.disconnect(conversationId, "agent");
    await both.simulator.next("trigger");
    expect(events.received[0]?.json).toMatchObject({ conversationId, disconnectType: "PEER" });
    expect(events.received[0]?.json).not.toHaveProperty("conversationExternalContactIds");
    expect((events.received[0]?.at ?? 0) - endedAt).toBeGreaterThanOrEqual(59);
  });

  it("leaves events alone that do not match", async () => {
    const other = {
      ...customerEnd,
      matchCriteria: [{ jsonPath: "messageType", operator: "Equal", value: "WEBMESSAGING" }],
    };
    await both.call("POST", path, other);
    await both.call("POST", path, { ...customerEnd, topicName: "v2.detail.events.conversation.{id}.user.end" });
    const fired = both.simulator.next("trigger");
    both.simulator.disconnect(await startChat());
    expect((await fired).topic).toBe("v2.detail.events.conversation.{id}.user.end");
    expect(events.received).toHaveLength(1);
  });

  it("carries any event that is raised by hand", async () => {
    const topicName = "v2.webmessaging.deployments.{id}.undelivered.messages";
    await both.call("POST", path, { ...customerEnd, topicName, matchCriteria: [] });
    const fired = both.simulator.next("trigger");
    both.simulator.raise(topicName, { conversationId: "51f3d9bd", messages: [{ id: "c7f9", eventTimeMs: 1 }] });
    await fired;
    expect(events.received[0]?.json["event"]).toEqual({
      conversationId: "51f3d9bd",
      messages: [{ id: "c7f9", eventTimeMs: 1 }],
    });
  });

  it.each([
    ["an unknown topic", { topicName: "v2.nothing" }, "invalid.value"],
    ["a target that is no workflow", { target: { type: "Webhook", id: "a" } }, "invalid.value"],
    ["a delay below a minute", { delayBySeconds: 59 }, "bad.request"],
    ["a delay beside a time to live", { delayBySeconds: 60, eventTTLSeconds: 60 }, "bad.request"],
    ["an unknown operator", { matchCriteria: [{ jsonPath: "a", operator: "Like", value: "b" }] }, "invalid.value"],
  ])("is refused with %s", async (_name, change, code) => {
    const { status, body } = await both.call("POST", path, { ...customerEnd, ...change });
    expect([status, body.code]).toEqual([400, code]);
  });
});

it.each<[MatchCriteria["operator"], Partial<MatchCriteria>, boolean]>([
  ["Equal", { value: 5 }, true],
  ["Equal", { value: "5" }, false],
  ["NotEqual", { value: 6 }, true],
  ["GreaterThan", { value: 5 }, false],
  ["GreaterThanOrEqual", { value: 5 }, true],
  ["LessThan", { value: 6 }, true],
  ["LessThanOrEqual", { value: 4 }, false],
  ["In", { values: [4, 5] }, true],
  ["NotIn", { values: [4, 5] }, false],
  ["Exists", {}, true],
  ["Exists", { value: false }, false],
  ["Contains", { jsonPath: "$.list", value: "b" }, true],
  ["Contains", { jsonPath: "text", value: "ell" }, true],
  ["All", { jsonPath: "list", values: ["a", "c"] }, false],
  ["Size", { jsonPath: "list", value: 2 }, true],
])("the operator %s with %j answers %s", (operator, change, expected) => {
  const event = { deep: [{ number: 5 }], list: ["a", "b"], text: "hello" };
  expect(fitsCriterion(event, { jsonPath: "$.deep[0].number", operator, ...change })).toBe(expected);
});
