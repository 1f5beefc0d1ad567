import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../cli/run";
import { adminToken, integrationId, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { outboundBody, sign } from "../helpers/webhook";

const newSecret = "harborline-new-secret-0002";
const authorized = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };

describe.each(engines)("refused webhooks on %s", (engine) => {
  test("are taken in once the secret is mended, oldest first, each once", async () => {
    const scene = await startScene(engine);
    const bodies = ["first", "second"].map((text) => JSON.stringify(outboundBody("text-agent", "crew-1", { text })));
    for (const body of [...bodies, bodies[0] ?? ""]) {
      const answer = await scene.post(body, { "x-hub-signature-256": sign(body, newSecret) });
      expect(answer.status).toBe(401);
    }
    await scene.post("{}", { "x-hub-signature-256": sign("{}", "a forger's") });
    const retry = async (body?: unknown) =>
      scene.call("POST", "/api/v1/quarantine/retry", authorized, body === undefined ? undefined : JSON.stringify(body));

    expect(JSON.parse((await retry()).text)).toEqual({ taken: [], duplicates: 0, refused: 4 });

    await scene.restart({ integration: { signatureSecrets: ["harborline-test-secret-0001", newSecret] } });
    const answer = await retry({ integration: "harborline-chat" });
    const { taken, ...rest } = JSON.parse(answer.text) as { taken: string[] };
    expect(rest).toEqual({ duplicates: 1, refused: 1 });
    for (const id of taken) await scene.untilStatus(id, "accepted");
    expect(scene.adapter.deliveries().map(({ body }) => body.message.text)).toEqual(["first", "second"]);
    const { timeline } = await scene.find(taken[0] ?? "");
    expect(timeline.map(({ event }) => event)).toEqual(expect.arrayContaining(["message.stored", "quarantine.taken"]));

    expect(JSON.parse((await retry()).text)).toEqual({ taken: [], duplicates: 0, refused: 1 });
  });

  test("are retried for the admin only, and for integrations that exist", async () => {
    const scene = await startScene(engine);
    expect((await scene.call("POST", "/api/v1/quarantine/retry")).status).toBe(401);
    const unknown = await scene.call("POST", "/api/v1/quarantine/retry", authorized, '{"integration":"nobody"}');
    expect(unknown.status).toBe(404);
    const odd = await scene.call("POST", "/api/v1/quarantine/retry", authorized, '{"all":true}');
    expect(odd.status).toBe(400);
  });
});

describe("omb verify --rejected", () => {
  test("says what mends each refused webhook, and --take has the bridge take in what fits", async () => {
    const location = { kind: "sqlite", file: join(makeDirectory(), "bridge.sqlite") } as const;
    const scene = await startScene("sqlite", { location });
    const good = JSON.stringify(outboundBody("text-agent", "crew-1", { text: "mended" }));
    await scene.post(good, { "x-hub-signature-256": sign(good, newSecret) });
    await scene.post(`${good}\n`, { "x-hub-signature-256": sign(good, newSecret) });
    const env = settingsFor(location);

    const looked = await run(["verify", "--rejected", "--json"], { env });
    expect(looked.code).toBe(1);
    expect(JSON.parse(looked.stdout)).toMatchObject({
      items: [
        { integration: "harborline-chat", bytes: good.length, verdict: "fits", secret: "harborline-chat" },
        { verdict: "explained", flaws: [{ where: "body", found: expect.stringContaining("line break") }] },
      ],
    });
    const table = await run(["verify", "--rejected"], { env });
    expect(table.stdout).toContain("1 would be taken in by: omb verify --rejected --take");

    await scene.restart({ integration: { signatureSecrets: [newSecret] } });
    const taken = await run(["verify", "--rejected", "--take", "--server", scene.url("")], { env });
    expect(taken).toMatchObject({ code: 1, stdout: "Taken in: 1. Known already: 0. Still refused: 1.\n" });
  });

  test("says so when no bridge runs, or something else does", async () => {
    const env = settingsFor({ file: join(tmpdir(), "no-such-store", "bridge.sqlite") });
    const nobody = await run(["verify", "--rejected", "--take", "--server", "http://127.0.0.1:1"], { env });
    expect(nobody).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("No bridge answers at http://127.0.0.1:1"),
    });
  });
});

/** Settings whose store is that file, with the secret mended. */
function settingsFor({ file }: { file: string }): Record<string, string> {
  const path = join(makeDirectory(), "settings.json");
  const integration = { name: "harborline-chat", id: integrationId, signatureSecrets: [newSecret], channel: "chat" };
  const chat = { type: "http", url: "http://127.0.0.1:1/", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
  writeFileSync(path, JSON.stringify({ integrations: [integration], channels: { chat } }));
  return { OMB_CONFIG: path, ADMIN_TOKEN: adminToken, DATA_DIR: dirname(file) };
}

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "omb-settings-"));
  atEnd(() => rmSync(directory, { recursive: true }));
  return directory;
}
