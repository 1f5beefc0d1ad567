import { customer, inboundPath, integrationId, startBoth } from "./connector";

const path = `${inboundPath}/receipt`;
const time = "2026-09-14T08:21:09.000Z";

describe("POST …/inbound/open/receipt", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  let messageId: string;
  beforeEach(async () => {
    both = await startBoth();
    const said = both.simulator.say({ recipient: customer }, "Good morning, this is Marta.");
    await said.sent;
    messageId = said.messageId;
  });
  afterEach(() => both.stop());

  it("moves a message to delivery-success and answers the receipt", async () => {
    const heard = both.simulator.next("receipt");
    const { status, body } = await both.call("POST", path, {
      id: messageId,
      channel: { to: { id: customer.id, idType: "Opaque" }, time },
      status: "Delivered",
      isFinalReceipt: true,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: messageId,
      channel: {
        id: integrationId,
        platform: "Open",
        type: "Private",
        messageId,
        to: { id: customer.id, idType: "Opaque" },
        from: { id: integrationId, idType: "Opaque" },
        time,
      },
      type: "Receipt",
      status: "Delivered",
      isFinalReceipt: true,
      direction: "Outbound",
    });
    expect(both.simulator.messageStatus(messageId)).toBe("delivery-success");
    expect(await heard).toMatchObject({ messageId, status: "Delivered", isFinalReceipt: true });
  });

  it("moves a message to delivery-failed with the reason in errorInfo", async () => {
    await both.call("POST", path, {
      id: messageId,
      channel: { to: { id: customer.id }, time },
      status: "Failed",
      reasons: [{ code: "InvalidDestination", message: "The handset was not reached after 4 tries." }],
      isFinalReceipt: true,
    });
    expect(both.simulator.message(messageId)).toMatchObject({
      status: "delivery-failed",
      errorInfo: { messageParams: { errorPayload: "InvalidDestination - The handset was not reached after 4 tries." } },
    });
  });

  it("keeps what a final receipt said, and remembers the later one", async () => {
    const receipt = { id: messageId, channel: { to: { id: customer.id }, time }, isFinalReceipt: true };
    await both.call("POST", path, { ...receipt, status: "Failed", reasons: [{ message: "gone" }] });
    await both.call("POST", path, { ...receipt, status: "Delivered" });
    expect(both.simulator.messageStatus(messageId)).toBe("delivery-failed");
    expect(both.simulator.receiptsFor(messageId).map(({ status }) => status)).toEqual(["Failed", "Delivered"]);
  });

  it.each([
    ["no id", { id: undefined }, "bad.request", "id"],
    ["no recipient", { channel: { time } }, "bad.request", "channel.to"],
    ["no recipient id", { channel: { to: {}, time } }, "bad.request", "channel.to.id"],
    ["no time", { channel: { to: { id: "a" } } }, "bad.request", "channel.time"],
    ["a time that is none", { channel: { to: { id: "a" }, time: "soon" } }, "invalid.date", "channel.time"],
    ["the status Read", { status: "Read" }, "invalid.value", "status"],
    [
      "a reason without a message",
      { status: "Failed", reasons: [{ code: "GeneralError" }] },
      "bad.request",
      "reasons.0.message",
    ],
    [
      "an unknown reason code",
      { status: "Failed", reasons: [{ code: "Tired", message: "a" }] },
      "invalid.value",
      "reasons.0.code",
    ],
  ])("refuses %s", async (_name, change, code, fieldName) => {
    const good = { id: messageId, channel: { to: { id: customer.id }, time }, status: "Delivered" };
    const { status, body } = await both.call("POST", path, { ...good, ...change });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code, details: [{ fieldName }] });
    expect(both.simulator.receiptsFor(messageId)).toEqual([]);
  });

  it("words a wrong status as Genesys Cloud does", async () => {
    const { body } = await both.call("POST", path, {
      id: messageId,
      channel: { to: { id: "a" }, time },
      status: "Sideways",
    });
    expect(body.message).toBe(
      "Value [Sideways] is not valid for field type [status]. Allowable values are: Sent, Delivered, Failed, Published, Removed",
    );
  });

  it("answers 404 for a message it never sent, unless strays are allowed", async () => {
    const receipt = { id: "f".repeat(32), channel: { to: { id: "a" }, time }, status: "Delivered" };
    expect((await both.call("POST", path, receipt)).status).toBe(404);
    const lenient = await startBoth({ acceptStrayReceipts: true });
    const heard = lenient.simulator.next("receipt");
    expect((await lenient.call("POST", path, receipt)).status).toBe(200);
    expect((await heard).messageId).toBe("f".repeat(32));
    await lenient.stop();
  });
});
