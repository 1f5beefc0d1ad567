import { Webhook } from "standardwebhooks";
import { chatSecret, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";

const receipt = { deliveryId: "delivery-1", status: "delivered" };
const from = { id: "mira", idType: "Opaque" };
const message = { integration: "harborline-chat", messageId: "m-1", from, text: "Hello" };
const response = {
  integration: "harborline-chat",
  messageId: "m-2",
  from,
  originatingMessageId: "o-1",
  response: { type: "QuickReply", text: "Yes", payload: "yes" },
};
const event = { integration: "harborline-chat", from, type: "online" };

describe.each(engines)("on %s", (engine) => {
  test("a callback is 202 once it is stored, and so is its repeat", async () => {
    const scene = await startScene(engine);
    const answers = [await scene.tell("receipts", receipt, "w-1"), await scene.tell("receipts", receipt, "w-1")];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    const kept = await scene.read((db) => db.selectFrom("callbacks").select(["channel", "kind", "body"]).execute());
    expect(kept).toEqual([{ channel: "chat", kind: "receipts", body: JSON.stringify(receipt) }]);
  });

  test("a receipt for a delivery nobody knows is 202: it may be known later", async () => {
    const scene = await startScene(engine);
    expect((await scene.tell("receipts", { ...receipt, deliveryId: "never heard of" })).status).toBe(202);
    expect((await scene.tell("receipts", { providerMessageId: "p-1", status: "read" })).status).toBe(202);
    // Such as the answer may give it.
    expect((await scene.tell("receipts", { providerMessageId: 7, status: "read" }, "w-7")).status).toBe(202);
    const kept = await scene.read((db) =>
      db.selectFrom("callbacks").select("body").where("webhook_id", "=", "w-7").execute(),
    );
    expect(kept.map(({ body }) => JSON.parse(body))).toEqual([{ providerMessageId: "7", status: "read" }]);
  });

  test("whoever does not sign with the channel's secret, over these bytes, in these minutes, is 401", async () => {
    const scene = await startScene(engine);
    const text = JSON.stringify(receipt);
    const signed = (secret: string, at: number, body = text) => ({
      "webhook-id": "w-1",
      "webhook-timestamp": String(Math.floor(at / 1000)),
      "webhook-signature": new Webhook(secret).sign("w-1", new Date(at), body),
    });
    const now = Date.now();
    const other = `whsec_${Buffer.alloc(24, 8).toString("base64")}`;
    const { "webhook-id": _id, ...withoutId } = signed(chatSecret, now);
    const attempts: Record<string, object> = {
      "no headers": {},
      "no id": withoutId,
      "another secret": signed(other, now),
      "other bytes": signed(chatSecret, now, `${text} `),
      "another id": { ...signed(chatSecret, now), "webhook-id": "w-2" },
      "too old": signed(chatSecret, now - 310_000),
      "too far ahead": signed(chatSecret, now + 310_000),
      "no time": { ...signed(chatSecret, now), "webhook-timestamp": "yesterday" },
    };
    const statuses: [string, number][] = [];
    for (const [name, headers] of Object.entries(attempts)) {
      const { status } = await scene.call("POST", "/channels/chat/receipts", headers, text);
      statuses.push([name, status]);
    }
    expect(statuses).toEqual(Object.keys(attempts).map((name) => [name, 401]));
    const { status } = await scene.call("POST", "/channels/chat/receipts", signed(chatSecret, now - 290_000), text);
    expect(status).toBe(202);
  });

  test("channels and kinds that are none are 404", async () => {
    const scene = await startScene(engine, { fallback: {} });
    const { headers, text } = scene.adapter.sign(receipt);
    const statusAt = async (path: string) => (await scene.call("POST", path, headers, text)).status;
    expect(await statusAt("/channels/other/receipts")).toBe(404);
    expect(await statusAt("/channels/email/receipts")).toBe(404);
    expect(await statusAt("/channels/__proto__/receipts")).toBe(404);
    expect(await statusAt("/channels/chat/parcels")).toBe(404);
    expect(await statusAt("/channels/chat/toString")).toBe(404);
    expect(await statusAt("/channels/chat%ZZ/receipts")).toBe(404);
    expect(await statusAt("/channels/chat/receipts")).toBe(202);
  });

  test("a channel that is none is 404 whatever its body is", async () => {
    const scene = await startScene(engine, { maxBodyBytes: 2000 });
    const large = "x".repeat(3000);
    expect((await scene.call("POST", "/channels/other/receipts", {}, large)).status).toBe(404);
    expect((await scene.call("POST", "/channels/chat/parcels", {}, large)).status).toBe(404);
    expect((await scene.call("POST", "/channels/other/receipts", { "content-encoding": "gzip" }, "x")).status).toBe(
      404,
    );
    expect((await scene.call("POST", "/channels/chat/receipts", {}, large)).status).toBe(413);
  });

  test.each<[string, string, unknown, string | undefined]>([
    ["receipts", "no status", { deliveryId: "d" }, "status"],
    ["receipts", "an unknown status", { ...receipt, status: "lost" }, "status"],
    ["receipts", "no id at all", { status: "read" }, "deliveryId"],
    ["receipts", "a reason of its own", { ...receipt, reason: { code: "Because", message: "" } }, "reason.code"],
    ["receipts", "a time that is none", { ...receipt, at: "soon" }, "at"],
    ["messages", "no sender", { ...message, from: undefined }, "from"],
    ["messages", "a sender without id", { ...message, from: { idType: "Opaque" } }, "from.id"],
    ["messages", "an unknown type of id", { ...message, from: { id: "a", idType: "Nickname" } }, "from.idType"],
    ["messages", "nothing said", { ...message, text: undefined }, "text"],
    [
      "messages",
      "an attachment that is a script",
      { ...message, attachments: [{ mediaType: "Image", url: "javascript:alert(1)" }] },
      "attachments.0.url",
    ],
    ["responses", "no payload", { ...response, response: { type: "Button", text: "Yes" } }, "response.payload"],
    ["events", "an unknown event", { ...event, type: "yawning" }, "type"],
    ["events", "an array", [event], undefined],
  ])("%s with %s are 400 and name the field", async (kind, _, body, field) => {
    const scene = await startScene(engine);
    const { status, text } = await scene.tell(kind, body);
    expect(status).toBe(400);
    expect(JSON.parse(text).error).toEqual({
      code: "invalid_field",
      message: expect.stringMatching(/\w/),
      ...(field === undefined ? {} : { field }),
    });
  });

  test("a body that is not JSON is 400, one that is too large 413, a compressed one 415", async () => {
    const scene = await startScene(engine, { maxBodyBytes: 2000 });
    const { headers } = scene.adapter.sign(receipt, "w-1");
    const webhook = new Webhook(chatSecret);
    const send = async (body: string, more = {}) => {
      const at = new Date();
      const own = {
        ...headers,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": webhook.sign("w-1", at, body),
      };
      const { status, text } = await scene.call("POST", "/channels/chat/receipts", { ...own, ...more }, body);
      return [status, JSON.parse(text).error.code];
    };
    expect(await send("no JSON")).toEqual([400, "invalid_json"]);
    expect(await send(JSON.stringify({ ...receipt, more: "x".repeat(3000) }))).toEqual([413, "too_large"]);
    expect(await send(JSON.stringify(receipt), { "content-encoding": "gzip" })).toEqual([
      415,
      "unsupported_media_type",
    ]);
  });
});
