import { delivered, refused } from "../helpers/adapter";
import { adminToken, integrationId, type Item, type Scene, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const bearer = { authorization: `Bearer ${adminToken}` };

interface Page {
  items: Item[];
  nextCursor: string | null;
}

async function getError(scene: Scene, path: string) {
  const { status, text } = await scene.call("GET", path, bearer);
  return [status, JSON.parse(text).error];
}

describe.each(engines)("on %s", (engine) => {
  test("everything of the API and the details is for the bearer of the admin token alone", async () => {
    const scene = await startScene(engine);
    const paths = [
      "/api/v1/messages",
      "/api/v1/messages/some-id",
      "/api/v1/messages/some-id/raw",
      "/api/v1/audit",
      "/api/v1/stats",
      "/api/v1/no-such-thing",
      "/health/details",
      "/metrics",
    ];
    const wrong = [
      {},
      { authorization: "" },
      { authorization: adminToken },
      { authorization: `Basic ${adminToken}` },
      { authorization: `Bearer ${adminToken}x` },
      { authorization: "Bearer" },
      { authorization: `Bearer  ${adminToken}` },
    ];
    const answers = [];
    for (const path of paths) {
      for (const headers of wrong) answers.push(await scene.call("GET", path, headers));
    }
    expect(new Set(answers.map(({ status, text }) => `${status} ${JSON.parse(text).error.code}`))).toEqual(
      new Set(["401 unauthorized"]),
    );
    expect(answers[0]?.headers["www-authenticate"]).toContain("Bearer");
    expect((await scene.call("GET", "/metrics", { authorization: `bearer ${adminToken}` })).status).toBe(200);
  });

  test("a list is narrowed by each filter of the contract, and goes on where the cursor says", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ message }) => (message.recipient.id === "mira" ? delivered() : refused("GeneralError")));
    const first = await scene.say("mira", { conversationId: "conversation-a", text: "Where is my parcel?" });
    const second = await scene.say("noor", { conversationId: "conversation-b" });
    await scene.say("mira", {}, "receipt-published");
    await scene.untilFate(first, "delivered");
    await scene.untilFate(second, "failed");
    const list = async (query: string) =>
      (await scene.get<Page>(`/api/v1/messages?${query}`)).items.map((item) => item.kind + item.fate);

    expect(await list("")).toEqual(["receiptnoted", "textfailed", "textdelivered"]);
    expect(await list("fate=failed")).toEqual(["textfailed"]);
    expect(await list("kind=receipt")).toEqual(["receiptnoted"]);
    expect(await list("direction=inbound")).toEqual(["receiptnoted"]);
    expect(await list("integration=harborline-chat&fate=delivered")).toEqual(["textdelivered"]);
    expect(await list("integration=other")).toEqual([]);
    expect(await list("conversation=conversation-b")).toEqual(["textfailed"]);
    expect(await list("recipient=noor")).toEqual(["textfailed"]);
    expect(await list("q=PARCEL")).toEqual(["textdelivered"]);
    expect(await list(`since=${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    expect(await list(`until=${new Date(Date.now() - 60_000).toISOString()}`)).toEqual([]);

    const page = await scene.get<Page>("/api/v1/messages?limit=2");
    expect(page.items).toHaveLength(2);
    const rest = await scene.get<Page>(`/api/v1/messages?limit=2&cursor=${page.nextCursor}`);
    expect(rest.items.map((item) => item.genesysMessageId)).toEqual([first]);
    expect(rest.nextCursor).toBeNull();
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    ["limit=many", "limit"],
    ["cursor=abc", "cursor"],
    ["since=yesterday", "since"],
    ["until=", "until"],
    ["direction=sideways", "direction"],
    ["fate=failed&fate=open", "fate"],
    ["colour=blue", "colour"],
  ])("a query that is wrong (%s) is 400 and names the parameter", async (query, field) => {
    const scene = await startScene(engine);
    expect(await getError(scene, `/api/v1/messages?${query}`)).toEqual([
      400,
      { code: "invalid_field", field, message: expect.stringMatching(/\w/) },
    ]);
  });

  test("a message is shown with its deliveries, attempts, receipt and timeline, by either id", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered("p-1"));
    const id = await scene.say("mira", { text: "Good morning" });
    await scene.untilFate(id, "delivered");
    const found = await until(
      () => scene.find(id),
      (one) => one.receipt?.state === "sent",
    );

    expect(found).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      genesysMessageId: id,
      integration: "harborline-chat",
      integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
      direction: "outbound",
      kind: "text",
      conversationId: "cf36d182-0e48-570f-8982-7083bdb6c45b",
      recipient: { id: "mira", idType: "Opaque" },
      receivedAt: expect.stringMatching(/Z$/),
      sentAt: expect.stringMatching(/Z$/),
      fate: "delivered",
      reason: null,
      delivery: { channel: "chat", status: "delivered", attempts: 1, providerMessageId: "p-1" },
      notice: null,
      summary: "Good morning",
      duplicates: 0,
      message: expect.objectContaining({ kind: "text", text: "Good morning", raw: expect.objectContaining({ id }) }),
      deliveries: [expect.objectContaining({ channel: "chat", trigger: "first", status: "delivered" })],
      attempts: [expect.objectContaining({ number: 1, result: "delivered", answer: "HTTP 200" })],
      receipt: expect.objectContaining({ status: "Delivered", state: "sent", reason: null }),
      timeline: expect.arrayContaining([expect.objectContaining({ messageId: found.id, event: "message.stored" })]),
    });
    expect(await scene.find(found.id)).toEqual(found);
  });

  test("what is not there is 404 in the shape of errors", async () => {
    const scene = await startScene(engine);
    for (const path of ["/api/v1/messages/unknown", "/api/v1/messages/unknown/raw", "/api/v1/parcels", "/parcels"]) {
      expect(await getError(scene, path)).toEqual([404, { code: "not_found", message: expect.stringMatching(/\w/) }]);
    }
  });

  test("what cannot be read of a request is a fault of the request", async () => {
    const scene = await startScene(engine);
    const latin = { ...bearer, "content-type": "application/json; charset=iso-8859-1" };
    const zipped = { ...bearer, "content-type": "application/json", "content-encoding": "gzip" };
    const answers: ["GET" | "POST", string, Record<string, string>, number, string][] = [
      ["GET", "/api/v1/messages/%E0%A4%A", bearer, 404, "not_found"],
      ["GET", "/unsubscribe/%E0%A4%A", {}, 404, "not_found"],
      ["POST", "/api/v1/suppressions", latin, 415, "unsupported_media_type"],
      [
        "POST",
        "/api/v1/replays",
        { ...latin, "content-type": "text/plain; charset=x-y" },
        415,
        "unsupported_media_type",
      ],
      ["POST", "/api/v1/suppressions", zipped, 400, "invalid_json"],
    ];
    for (const [method, path, headers, status, code] of answers) {
      const answer = await scene.call(method, path, headers, method === "POST" ? "{}" : undefined);
      expect([path, answer.status, JSON.parse(answer.text).error.code]).toEqual([path, status, code]);
    }
  });

  test("an erasure in an integration that nobody knows is refused, by name or id of one that is known it is not", async () => {
    const scene = await startScene(engine);
    await scene.say("mira");
    const ask = async (integration: string) => {
      const body = JSON.stringify({ recipient: "mira", integration });
      const { status, text } = await scene.call("POST", "/api/v1/erasures", bearer, body);
      return [status, JSON.parse(text).error?.field ?? JSON.parse(text).messages];
    };
    expect(await ask("nope")).toEqual([400, "integration"]);
    expect(await ask(integrationId)).toEqual([200, 1]);
    expect(await ask("harborline-chat")).toEqual([200, 0]);
  });

  test("a replay is of ids or of a filter, whose times are shown as times", async () => {
    const scene = await startScene(engine);
    const genesysId = await scene.say("mira");
    const ask = async (wanted: object) => {
      const { status, text } = await scene.call("POST", "/api/v1/replays", bearer, JSON.stringify(wanted));
      return { status, body: JSON.parse(text) };
    };
    const both = await ask({ ids: [genesysId], filter: { fate: "failed" }, to: "self", dryRun: true });
    expect(both).toMatchObject({ status: 400, body: { error: { code: "invalid_field", field: "filter" } } });
    const since = "2026-01-01T00:00:00.000Z";
    const { body } = await ask({ filter: { since }, to: "self", dryRun: true });
    expect(await scene.get(`/api/v1/replays/${body.id}`)).toMatchObject({ filter: { since } });
  });

  test("the figures of the whole store can be read, and the proof that they are right", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(() => delivered());
    await scene.untilFate(await scene.say("mira"), "delivered");
    await scene.settle();
    expect(await scene.get("/api/v1/stats")).toMatchObject({ fates: { delivered: 1 }, queues: [] });
    expect(await scene.get("/api/v1/audit")).toEqual({
      ok: true,
      counts: { messages: 1, delivered: 1 },
      findings: [],
    });
  });

  test("metrics count webhooks, attempts and receipts, with labels from the settings alone", async () => {
    const scene = await startScene(engine);
    scene.adapter.respond(({ message }) => (message.recipient.id === "mira" ? delivered() : refused("GeneralError")));
    await scene.untilFate(await scene.say("mira"), "delivered");
    await scene.untilFate(await scene.say("noor"), "failed");
    await scene.post("{}", { "x-hub-signature-256": "sha256=wrong" });
    await scene.settle();
    const { text, headers } = await scene.call("GET", "/metrics", bearer);
    expect(headers["content-type"]).toContain("text/plain");
    expect(text.split("\n")).toEqual(
      expect.arrayContaining([
        'omb_webhooks_total{integration="harborline-chat",result="stored"} 2',
        'omb_webhooks_total{integration="harborline-chat",result="refused"} 1',
        'omb_delivery_attempts_total{channel="chat",result="delivered"} 1',
        'omb_delivery_attempts_total{channel="chat",result="failed"} 1',
        'omb_receipts_total{status="Delivered",result="sent"} 1',
        'omb_receipts_total{status="Failed",result="sent"} 1',
      ]),
    );
    expect(text).not.toMatch(/mira|noor/);
  });

  test("health says that it lives, that it is ready, and to those who may know, more", async () => {
    const scene = await startScene(engine);
    expect(JSON.parse((await scene.call("GET", "/health/live")).text)).toEqual({ status: "live" });
    expect(JSON.parse((await scene.call("GET", "/health/ready")).text)).toEqual({ status: "ready" });
    expect(await scene.get("/health/details")).toMatchObject({
      version: "0.0.0-test",
      engine,
      roles: { web: true, worker: true },
      store: "ready",
      channels: expect.arrayContaining([{ queue: "deliver:chat", breaker: { state: "closed" } }]),
    });
  });

  test("no log line of a message's whole way holds its text, an address, a number or a secret", async () => {
    const scene = await startScene(engine, { fallback: {}, logLevel: "trace" });
    scene.adapter.respond(() => refused("GeneralError", "for mira@harborline.example"));
    await scene.untilFate(await scene.say("mira@harborline.example", { text: "The secret is 4711" }), "notified");
    await scene.post("no JSON, but 4711");
    await scene.tell("receipts", { providerMessageId: "p-4711", status: "read" });
    await scene.settleUnderWay();
    const log = scene.logged.join("");
    expect(log).toContain("delivery.attempted");
    expect(log).toContain("notice.sent");
    expect(log).not.toMatch(/mira|4711|whsec_|secret-token|secret-a|test-admin-token/);
  });
});

test("a process that only works answers for its health, and for nothing else", async () => {
  const scene = await startScene("postgres", { roles: { web: false, worker: true } });
  expect((await scene.call("GET", "/health/ready")).status).toBe(200);
  expect((await scene.call("GET", "/metrics", bearer)).status).toBe(200);
  expect((await scene.call("GET", "/api/v1/messages", bearer)).status).toBe(404);
  expect((await scene.post("{}")).status).toBe(404);
});
