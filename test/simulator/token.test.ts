import { createSimulator } from "../../src/simulator";
import { callApi, inboundPath, integrationId, logIn, requestToken, startBoth } from "./connector";

const clock = { at: Date.parse("2026-09-14T08:00:00.000Z") };
const now = () => clock.at;

describe("POST /oauth/token", () => {
  const simulator = createSimulator({
    now,
    clients: [{ id: "bridge", secret: "bridge:secret", tokenSeconds: 600 }],
  });
  beforeAll(() => simulator.start());
  afterAll(() => simulator.stop());

  it("gives a bearer token and its life in seconds", async () => {
    const answer = await requestToken(simulator, "bridge", "bridge:secret");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ access_token: expect.any(String), token_type: "bearer", expires_in: 599 });
  });

  it.each([
    ["an unknown client", "nobody", "bridge:secret"],
    ["a wrong secret", "bridge", "wrong"],
  ])("refuses %s with invalid_client", async (_name, id, clientSecret) => {
    const answer = await requestToken(simulator, id, clientSecret);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: "invalid_client", description: "client not found" });
  });

  it("refuses another grant", async () => {
    const authorization = `Basic ${Buffer.from("bridge:bridge:secret").toString("base64")}`;
    const answer = await callApi(simulator, "POST", "/oauth/token", "grant_type=password", { authorization });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toBe("unsupported_grant_type");
  });

  it("lets a token die when its time is over", async () => {
    const call = await logIn(simulator, "bridge", "bridge:secret");
    clock.at += 599_000;
    expect((await call("GET", "/api/v2/conversations/none")).status).toBe(404);
    clock.at += 1000;
    const answer = await call("GET", "/api/v2/conversations/none");
    expect(answer.status).toBe(401);
    expect(answer.body.code).toBe("credentials.expired");
  });
});

describe("the check of a bearer token", () => {
  let both: Awaited<ReturnType<typeof startBoth>>;
  beforeAll(async () => {
    both = await startBoth({
      clients: [
        { id: "simulator-client", secret: "simulator-secret" },
        { id: "reader", secret: "reader-secret", permissions: ["conversation:message:view"] },
        { id: "wide", secret: "wide-secret", permissions: ["conversation:message:*"] },
      ],
    });
  });
  afterAll(() => both.stop());

  it.each([
    ["no token", {}, "authentication.required"],
    ["a token nobody issued", { authorization: "Bearer nonsense" }, "bad.credentials"],
  ])("answers 401 for %s in Genesys Cloud's form", async (_name, headers, code) => {
    const answer = await callApi(
      both.simulator,
      "POST",
      `${inboundPath}/receipt`,
      {},
      headers as Record<string, string>,
    );
    expect(answer.status).toBe(401);
    expect(answer.body).toEqual({
      message: expect.any(String),
      code,
      status: 401,
      contextId: answer.headers.get("inin-correlation-id"),
      details: [],
      errors: [],
    });
    expect(answer.headers.get("genesys-correlation-id")).toBe(answer.body.contextId);
  });

  it("names the missing permission with 403", async () => {
    const call = await logIn(both.simulator, "reader", "reader-secret");
    const answer = await call("POST", `${inboundPath}/receipt`, {});
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      code: "missing.permissions",
      message:
        "Unable to perform the requested action. You are missing the following permission(s): conversation:message:receive",
      messageParams: { permissions: "conversation:message:receive" },
    });
  });

  it("takes a granted star for every action", async () => {
    const call = await logIn(both.simulator, "wide", "wide-secret");
    expect((await call("POST", `${inboundPath}/receipt`, {})).status).toBe(400);
  });

  it("ends all tokens on request", async () => {
    const call = await logIn(both.simulator);
    both.simulator.expireTokens();
    expect((await call("POST", `${inboundPath}/receipt`, {})).body.code).toBe("credentials.expired");
  });

  it("answers 404 for an unknown integration and an unknown route", async () => {
    const call = await logIn(both.simulator);
    const receipt = { id: "1", channel: { to: { id: "a" }, time: "2026-09-14T08:21:09.000Z" }, status: "Delivered" };
    const answer = await call("POST", inboundPath.replace(integrationId, "other") + "/receipt", receipt);
    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe("not.found");
    expect((await call("GET", "/api/v2/messaging/templates")).status).toBe(404);
  });

  it("answers 415 for a body that is not called JSON, 400 for one that is not JSON, 413 for one too large", async () => {
    const call = await logIn(both.simulator);
    const path = `${inboundPath}/message`;
    expect((await call("POST", path, "text=hello", { "content-type": "text/plain" })).body.code).toBe(
      "unsupported.media.type",
    );
    expect((await call("POST", path, "{")).body.code).toBe("bad.request");
    expect((await call("POST", path, { text: "x".repeat(512_000) })).status).toBe(413);
  });
});
