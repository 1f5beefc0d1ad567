import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimulator, runSimulator, SimulatorUsageError } from "../../src/simulator";
import { callApi, customer, inboundPath, integrationId, secret, startBoth, startReceiver } from "./connector";

const path = `${inboundPath}/message`;
const message = { channel: { from: customer, time: "2026-09-14T08:18:44.000Z" }, text: "Hello" };

describe("POST /_faults", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeEach(async () => {
    both = await startBoth();
  });
  afterEach(() => both.stop());

  const plan = (fault: object) => callApi(both.simulator, "POST", "/_faults", fault);
  const statuses = async (count: number) => {
    const seen = [];
    for (let made = 0; made < count; made += 1) seen.push((await both.call("POST", path, message)).status);
    return seen;
  };

  it("answers an error a number of times, after letting some pass", async () => {
    expect(
      (
        await plan({
          route: "POST /api/v2/conversations/messages/*/inbound/open/message",
          status: 503,
          retryAfterSeconds: 2,
          skip: 1,
          count: 2,
        })
      ).status,
    ).toBe(201);
    expect(await statuses(4)).toEqual([200, 503, 503, 200]);
    expect(both.simulator.inboundMessages()).toHaveLength(2);
  });

  it("says Retry-After, and leaves a body out", async () => {
    await plan({ route: path, status: 503, retryAfterSeconds: 2, body: "empty", count: 1 });
    const refused = await both.call("POST", path, message);
    expect([refused.status, refused.headers.get("retry-after"), refused.body]).toEqual([503, "2", undefined]);
    await plan({ route: path, body: "empty", count: 1 });
    const empty = await both.call("POST", path, message);
    expect([empty.status, empty.body]).toEqual([200, undefined]);
  });

  it("cuts the connection before or after the work is done", async () => {
    await plan({ route: path, drop: "before", count: 1 });
    await expect(both.call("POST", path, message)).rejects.toThrow("fetch failed");
    expect(both.simulator.inboundMessages()).toHaveLength(0);
    await plan({ route: path, drop: "after", count: 1 });
    await expect(both.call("POST", path, message)).rejects.toThrow("fetch failed");
    expect(both.simulator.inboundMessages()).toHaveLength(1);
    expect(
      both.simulator.requests
        .list()
        .slice(-2)
        .map(({ status }) => status),
    ).toEqual([0, 200]);
  });

  it("delays an answer", async () => {
    await plan({ route: path, delayMs: 80, count: 1 });
    const startedAt = performance.now();
    expect(await statuses(1)).toEqual([200]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(75);
  });

  it("ends every token, and can break the log-in", async () => {
    await plan({ route: "**", expireTokens: true, count: 1 });
    expect(await statuses(1)).toEqual([401]);
    await plan({ route: "POST /oauth/token", status: 500, count: 1 });
    expect((await callApi(both.simulator, "POST", "/oauth/token", "grant_type=client_credentials")).status).toBe(500);
  });

  it("is listed and cleared, one or all, and refuses what it does not know", async () => {
    const { body } = await plan({ route: path, status: 500 });
    await plan({ webhook: "*", duplicates: 1, count: 3 });
    const listed = await callApi(both.simulator, "GET", "/_faults");
    expect(listed.body).toMatchObject([
      { id: body.id, status: 500, left: null },
      { webhook: "*", left: 3 },
    ]);
    expect((await callApi(both.simulator, "DELETE", `/_faults/${body.id}`)).status).toBe(204);
    expect((await callApi(both.simulator, "DELETE", `/_faults/${body.id}`)).status).toBe(404);
    expect((await callApi(both.simulator, "DELETE", "/_faults")).status).toBe(204);
    expect((await callApi(both.simulator, "GET", "/_faults")).body).toEqual([]);
    expect((await plan({ route: path, explode: true })).status).toBe(400);
  });
});

describe("the other controls", () => {
  it("say something without a content type, and answer with the webhook's attempts", async () => {
    const { simulator, receiver, stop } = await startBoth();
    const answer = await fetch(`${simulator.url}/_say`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: JSON.stringify({ to: "crew-7781", text: "Good morning" }),
    });
    expect(await answer.json()).toMatchObject({ webhook: { ended: "accepted", attempts: [{ status: 200 }] } });
    expect(receiver.received[0]?.json).toMatchObject({ text: "Good morning", originatingEntity: "Human" });
    await callApi(simulator, "POST", "/_say", { to: "crew-7781", by: "bot", kind: "typing" });
    expect(receiver.received[1]?.json["type"]).toBe("Event");
    expect((await callApi(simulator, "POST", "/_say", { to: "crew-7781", kind: "song" })).status).toBe(400);
    await stop();
  });

  it("show the state without secrets, and start over", async () => {
    const { simulator, call, stop } = await startBoth();
    await call("POST", path, message);
    const said = simulator.say({ recipient: customer.id }, "Good morning");
    await said.sent;
    const shown = await callApi(simulator, "GET", "/_state");
    expect(JSON.stringify(shown.body)).not.toContain(secret);
    expect(shown.body).toMatchObject({
      integrations: [{ id: integrationId }],
      messages: [{ direction: "inbound" }, { id: said.messageId, status: "sent" }],
      requests: { busiestMinute: 1 },
    });
    expect((await callApi(simulator, "POST", "/_disconnect", { conversationId: said.conversationId })).status).toBe(
      204,
    );
    expect((await callApi(simulator, "POST", "/_disconnect", { conversationId: said.conversationId })).status).toBe(
      400,
    );
    expect((await callApi(simulator, "POST", "/_reset")).status).toBe(204);
    expect((await callApi(simulator, "GET", "/_state")).body).toMatchObject({
      integrations: [{ id: integrationId }],
      messages: [],
      conversations: [],
    });
    expect((await call("POST", path, message)).status).toBe(200);
    await stop();
  });
});

describe("a state file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "simulator-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("brings conversations, contacts and statuses back", async () => {
    const stateFile = join(folder, "state.json");
    const first = await startBoth({ stateFile, publishReceipts: false });
    await first.call("POST", path, message);
    const said = first.simulator.say({ recipient: customer.id }, "Good morning");
    await said.sent;
    await first.stop();
    const second = await startBoth({ stateFile });
    expect(second.simulator.messageStatus(said.messageId)).toBe("sent");
    const contactId = second.simulator.conversation(said.conversationId)?.participants[0]?.externalContactId;
    expect(second.simulator.contact(contactId ?? "")).toMatchObject({ type: "Ephemeral" });
    expect(second.simulator.say({ recipient: customer.id }, "Still there?").conversationId).toBe(said.conversationId);
    await second.stop();
  });

  it("is written while the simulator runs", async () => {
    const stateFile = join(folder, "state.json");
    const { call, stop } = await startBoth({ stateFile });
    await call("POST", path, message);
    const written = await readWhenThere(stateFile);
    expect(JSON.parse(written)).toMatchObject({ version: 1, conversations: [{ customer }] });
    await stop();
  });

  it("is refused when it is something else", async () => {
    const stateFile = join(folder, "state.json");
    await writeFile(stateFile, '{"version":2}');
    expect(() => createSimulator({ stateFile })).toThrow(/version/);
  });

  async function readWhenThere(file: string): Promise<string> {
    for (;;) {
      const text = await readFile(file, "utf8").catch(() => "");
      if (text !== "") return text;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

describe("runSimulator", () => {
  it("serves an integration from its flags and prints how to reach it, without secrets", async () => {
    const receiver = await startReceiver();
    const lines: string[] = [];
    const simulator = await runSimulator(
      [
        "--port",
        "0",
        "--webhook",
        receiver.url,
        "--secret",
        secret,
        "--integration",
        integrationId,
        "--client",
        "me:my:secret",
      ],
      (line) => lines.push(line),
    );
    expect((await simulator.say({ recipient: "crew-7781" }, "Good morning").sent).ended).toBe("accepted");
    expect(lines[0]).toBe(`Genesys Cloud simulator on ${simulator.url}`);
    expect(lines.join("\n")).toContain(integrationId);
    expect(lines.join("\n")).not.toContain("secret-0001");
    await simulator.stop();
    await receiver.close();
  });

  it.each([
    ["an unknown flag", ["--nonsense"]],
    ["a port that is none", ["--port", "many"]],
    ["a webhook without a secret", ["--webhook", "http://127.0.0.1:3000/"]],
    ["a short secret", ["--webhook", "http://127.0.0.1:3000/", "--secret", "short"]],
    ["a client without a secret", ["--client", "me"]],
  ])("refuses %s", async (_name, args) => {
    await expect(runSimulator(args, () => undefined)).rejects.toThrow(SimulatorUsageError);
  });
});
