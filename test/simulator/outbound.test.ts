import type { Utterance } from "../../src/simulator";
import { customer, inboundPath, integrationId, startBoth } from "./connector";

const context = { idType: "Opaque", id: "crew-7781" };

describe("what goes out", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth({ now: () => Date.parse("2026-09-14T08:21:07.113Z") });
  });
  afterEach(() => both.stop());

  it("has the fields of a captured agent's text, in their order", async () => {
    const said = both.simulator.say({ recipient: context }, "Good morning, this is Marta.");
    await said.sent;
    expect(said.messageId).toMatch(/^[0-9a-f]{32}$/);
    expect(both.receiver.received[0]?.raw.toString()).toBe(
      `{"id":"${said.messageId}","channel":{"id":"${integrationId}","platform":"Open","type":"Private","to":{"id":"crew-7781","idType":"Opaque"},` +
        `"from":{"nickname":"Harborline Chat","id":"${integrationId}","idType":"Opaque"},"metadata":{"subType":"None"},"time":"2026-09-14T08:21:07.113Z",` +
        `"messageId":"${said.messageId}"},"type":"Text","text":"Good morning, this is Marta.","originatingEntity":"Human","direction":"Outbound",` +
        `"conversationId":"${said.conversationId}"}`,
    );
  });

  it.each<[string, Utterance, object]>([
    [
      "media",
      { kind: "media", attachment: { mediaType: "Image", url: "https://a.example/1.png", mime: "image/png" } },
      { type: "Text", content: [{ contentType: "Attachment", attachment: { mediaType: "Image", mime: "image/png" } }] },
    ],
    [
      "a template",
      {
        kind: "template",
        id: "cannedresponse@6c91",
        text: "Hi Ines",
        language: "en_GB",
        parameters: { firstName: "Ines" },
      },
      {
        type: "Structured",
        text: "Hi Ines",
        content: [
          {
            contentType: "Notification",
            template: {
              id: "cannedresponse@6c91",
              language: "en_GB",
              body: { text: "Hi Ines", parameters: [{ name: "firstName", text: "Ines" }] },
            },
          },
        ],
      },
    ],
    [
      "quick replies",
      { kind: "quickReplies", text: "Which?", replies: [{ text: "A", payload: "a" }] },
      {
        type: "Structured",
        text: "Which?",
        content: [{ contentType: "QuickReply", quickReply: { action: "Message", text: "A", payload: "a" } }],
      },
    ],
    [
      "a card",
      { kind: "card", card: { title: "Cabin", actions: [{ type: "Postback", text: "Take it", payload: "yes" }] } },
      { type: "Structured", content: [{ contentType: "Card", card: { title: "Cabin" } }] },
    ],
    [
      "a carousel",
      { kind: "carousel", cards: [{ title: "Morning", actions: [] }] },
      { type: "Structured", content: [{ contentType: "Carousel", carousel: { cards: [{ title: "Morning" }] } }] },
    ],
    [
      "typing",
      { kind: "typing" },
      { type: "Event", events: [{ eventType: "Typing", typing: { type: "On", duration: 5000 } }] },
    ],
  ])("carries %s as Genesys Cloud writes it", async (_name, what, expected) => {
    await both.simulator.say({ recipient: context }, what, { purpose: "bot" }).sent;
    expect(both.receiver.received[0]?.json).toMatchObject({ direction: "Outbound", ...expected });
  });

  it("answers a customer in their conversation, under the id and idType they wrote with", async () => {
    const channel = { from: customer, time: "2026-09-14T08:18:44.000Z" };
    const { body } = await both.call("POST", `${inboundPath}/message?prefetchConversationId=true`, {
      channel,
      text: "Hello",
    });
    const said = both.simulator.say({ recipient: customer.id }, "Good morning");
    expect(said.conversationId).toBe(body.conversationId);
    expect(said.body.channel.to).toEqual({ id: customer.id, idType: "Email" });
  });

  it("refuses text above 2,000 characters", () => {
    expect(() => both.simulator.say({ recipient: context }, "x".repeat(2001))).toThrow(/2000/);
  });

  it("knows a message made by hand, and asks for nothing twice", async () => {
    const body = {
      id: "9".repeat(32),
      type: "Text",
      text: "hand-made",
      channel: { to: { id: "crew-9" } },
      conversationId: "11111111-2222-4333-8444-555555555555",
    };
    await both.simulator.sendOutbound(integrationId, body);
    await both.simulator.sendOutbound(integrationId, body);
    expect(both.simulator.message(body.id)).toMatchObject({
      status: "sent",
      conversationId: body.conversationId,
      toAddress: "crew-9",
    });
    expect(both.receiver.received).toHaveLength(2);
  });

  it("counts requests per route", async () => {
    await both.call("POST", `${inboundPath}/message`, {});
    await both.call("GET", "/api/v2/nowhere");
    expect(both.simulator.requests.countByRoute()).toEqual({
      "POST /oauth/token": 1,
      "POST /api/v2/conversations/messages/{integrationId}/inbound/open/message": 1,
      "GET (none)": 1,
    });
  });
});
