import { customer, startBoth } from "./connector";

describe("conversations", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth();
  });
  afterEach(() => both.stop());

  it("answers 404 for what does not exist, and for a message of another conversation", async () => {
    const one = both.simulator.say({ recipient: "one" }, "Hello");
    const two = both.simulator.say({ recipient: "two" }, "Hello");
    const base = "/api/v2/conversations/messages";
    for (const path of [
      "/api/v2/conversations/none",
      `${base}/none`,
      `${base}/none/details`,
      `${base}/${one.conversationId}/messages/${two.messageId}`,
    ]) {
      expect((await both.call("GET", path)).body.code).toBe("not.found");
    }
  });

  it("takes at most 1,000 ids in one bulk read", async () => {
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello");
    const read = (count: number) =>
      both.call(
        "POST",
        `/api/v2/conversations/messages/${conversationId}/messages/bulk`,
        Array.from({ length: count }, String),
      );
    expect((await read(1000)).status).toBe(200);
    expect((await read(1001)).status).toBe(400);
  });

  it("takes attributes of a conversation that has ended, strings only", async () => {
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello");
    both.simulator.disconnect(conversationId, "system");
    const participant = both.simulator.conversation(conversationId)?.participants[0];
    const path = `/api/v2/conversations/${conversationId}/participants/${participant?.id}/attributes`;
    expect((await both.call("PATCH", path, { attributes: { notice: { sent: true } } })).status).toBe(400);
    expect((await both.call("PATCH", path, { attributes: { notice: "sent" } })).status).toBe(204);
    expect((await both.call("PATCH", path, { attributes: { later: "yes" } })).status).toBe(204);
    expect(participant?.attributes).toEqual({ notice: "sent", later: "yes" });
  });

  it("ends with the last agent, and not before", async () => {
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello", {
      purpose: "agent",
      name: "Marta",
    });
    both.simulator.say({ conversationId }, "Hello", { purpose: "agent", name: "Olaf" });
    const conversation = both.simulator.conversation(conversationId);
    const [marta, olaf] = conversation?.participants.filter(({ purpose }) => purpose === "agent") ?? [];
    const end = (id: string | undefined) =>
      both.call("PATCH", `/api/v2/conversations/messages/${conversationId}/participants/${id}`, {
        state: "disconnected",
      });
    await end(marta?.id);
    expect(conversation?.endTime).toBeUndefined();
    await end(olaf?.id);
    expect(conversation?.endTime).toBeDefined();
    expect(conversation?.participants.map(({ legs }) => legs.at(-1)?.disconnectType)).toEqual([
      "peer",
      "client",
      "client",
    ]);
  });

  it("names the customer external when we wrote first", async () => {
    const { conversationId } = both.simulator.say({ recipient: customer }, "Hello");
    const { body } = await both.call("GET", `/api/v2/conversations/messages/${conversationId}`);
    expect(body["participants"]).toMatchObject([
      {
        purpose: "external",
        name: "Ines Calder",
        direction: "outbound",
        toAddress: { addressNormalized: customer.id },
      },
      { purpose: "agent" },
    ]);
  });
});

describe("media", () => {
  it("is behind a token and a signed URL that lasts a while, and the signed URL wants no token", async () => {
    const clock = { at: Date.parse("2026-09-14T08:00:00.000Z") };
    const { simulator, call, stop } = await startBoth({ now: () => clock.at });
    const attachment = simulator.addMedia({ bytes: Buffer.from("png"), mime: "image/png", filename: "berth map.png" });
    expect(attachment).toMatchObject({ mediaType: "Image", contentSizeBytes: 3 });
    const { pathname } = new URL(attachment.url);
    const without = await fetch(attachment.url, { redirect: "manual" });
    expect([without.status, without.headers.get("location")]).toEqual([302, `${simulator.url}/login`]);
    expect((await fetch(`${attachment.url}?redirectToAuth=false`)).status).toBe(401);
    const signed = (await call("GET", pathname)).headers.get("location") ?? "";
    expect((await fetch(signed, { headers: { authorization: "Bearer a" } })).status).toBe(400);
    expect((await fetch(`${signed}0`)).status).toBe(403);
    const file = await fetch(signed);
    expect([file.headers.get("content-disposition"), await file.text()]).toEqual([
      "attachment; filename*=UTF-8''berth%20map.png",
      "png",
    ]);
    clock.at += 10 * 60_000;
    expect((await fetch(signed)).status).toBe(403);
    await stop();
  });

  it("needs no token when it is told so", async () => {
    const { simulator, stop } = await startBoth({ downloadsNeedToken: false });
    const attachment = simulator.addMedia({
      bytes: Buffer.from("%PDF"),
      mime: "application/pdf",
      filename: "ticket.pdf",
    });
    expect(await (await fetch(attachment.url)).text()).toBe("%PDF");
    await stop();
  });
});
