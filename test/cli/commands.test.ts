import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { delivered, refused } from "../helpers/adapter";
import { adminToken, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { engines, makePlace } from "../helpers/stores";
import { outboundBody } from "../helpers/webhook";
import { omb, storeIn, writeSettings } from "./omb";

async function makeDirectory(): Promise<string> {
  const { directory, remove } = await makePlace("sqlite");
  atEnd(remove);
  return directory;
}

/** A bridge with a delivered and a failed message, and the environment for commands beside it. */
async function startBeside(engine: (typeof engines)[number]) {
  const place = await makePlace(engine);
  atEnd(place.remove);
  const location = engine === "sqlite" ? storeIn(place.directory) : place.location;
  const scene = await startScene(engine, { location });
  scene.adapter.respond(({ message }) => (message.recipient.id === "mira" ? delivered() : refused("GeneralError")));
  const arrived = await scene.say("mira", { text: "Good morning" });
  const failed = await scene.say("noor");
  await scene.untilFate(arrived, "delivered");
  await scene.untilFate(failed, "failed");
  await scene.settle();
  const env = writeSettings(place.directory);
  if (location.kind === "postgres") Object.assign(env, { DATABASE_URL: location.url, ADMIN_TOKEN: adminToken });
  return { scene, arrived, failed, env };
}

describe.each(engines)("beside a running bridge on %s", (engine) => {
  test("messages list prints a table, or the pages of the API", async () => {
    const { scene, arrived, failed, env } = await startBeside(engine);
    const table = await omb(["messages", "list"], env);
    expect(table).toMatchObject({ exitCode: 0, stderr: "" });
    expect(table.stdout.split("\n")[0]).toMatch(/RECEIVED.*KIND.*RECIPIENT.*FATE/);
    expect(table.stdout).toMatch(/mira\s+delivered/);

    const json = await omb(["messages", "list", "--json"], env);
    expect(JSON.parse(json.stdout)).toEqual(await scene.get("/api/v1/messages"));
    const narrowed = await omb(["messages", "list", "--fate", "failed", "--recipient", "noor", "--json"], env);
    expect(JSON.parse(narrowed.stdout).items).toMatchObject([{ genesysMessageId: failed }]);

    const first = await omb(["messages", "list", "--limit", "1", "--json"], env);
    const { nextCursor } = JSON.parse(first.stdout);
    const second = await omb(["messages", "list", "--limit", "1", "--cursor", nextCursor, "--json"], env);
    expect(JSON.parse(second.stdout)).toMatchObject({ items: [{ genesysMessageId: arrived }], nextCursor: null });
    expect((await omb(["messages", "list", "--limit", "1"], env)).stderr).toContain(`--cursor ${nextCursor}`);
    expect((await omb(["messages", "list", "--fate", "returned"], env)).stdout).toMatch(/No message/);
  });

  test("a body nested thousands of levels deep is shown without its depths", async () => {
    const { scene, env } = await startBeside(engine);
    const deep = `${"[".repeat(9000)}${"]".repeat(9000)}`;
    const body = JSON.stringify(outboundBody("text-agent", "mira")).replace(/^\{/, `{"novelty":${deep},`);
    expect((await scene.post(body)).status).toBe(200);
    const id = JSON.parse(body.replace(deep, "0")).id;
    const shown = await omb(["messages", "show", id, "--json"], env);
    expect(shown).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(shown.stdout)).toMatchObject({ genesysMessageId: id });
    expect((await omb(["messages", "show", id], env)).exitCode).toBe(0);
  });

  test("what is asked wrongly ends with 2", async () => {
    const { arrived, env } = await startBeside(engine);
    const replay = ["replay", arrived, "--yes"];
    for (const args of [
      ["messages", "list", "--limit", "0"],
      ["messages", "list", "--since", "nonsense"],
      ["audit", "--since", "nonsense"],
      ["captures", "export", "-", "--direction", "up"],
      [...replay, "--to", "nonsense"],
      [...replay, "--to", "channel:nope"],
      [...replay, "--to", "nonsense", "--dry-run"],
      [...replay, "--to", "self", "--fate", "failed"],
      [...replay, "--to", "self", "--since", "nonsense"],
      ["replay", "--since", "nonsense", "--to", "self", "--yes"],
      [...replay, "--to", "self", "--rate", "5", "--original-spacing"],
      ["erase", "mira", "--integration", "nope", "--yes"],
      ["erase", "", "--yes"],
    ]) {
      const { exitCode, stderr } = await omb(args, env);
      expect([args.join(" "), exitCode, stderr !== ""]).toEqual([args.join(" "), 2, true]);
    }
  });

  test("messages show prints one message, by either id, as the API does", async () => {
    const { scene, arrived, env } = await startBeside(engine);
    const shown = await omb(["messages", "show", arrived, "--json"], env);
    const fromApi = await scene.find(arrived);
    expect(JSON.parse(shown.stdout)).toEqual(fromApi);
    const text = await omb(["messages", "show", fromApi.id], env);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toMatch(/fate\s+delivered/);
    expect(text.stdout).toContain("message.stored");
  });

  test("a message that is not there is a failure, told in the shape of errors to machines", async () => {
    const { env } = await startBeside(engine);
    const text = await omb(["messages", "show", "unknown"], env);
    expect(text).toMatchObject({ exitCode: 1, stdout: "" });
    expect(text.stderr).toContain("unknown");
    const json = await omb(["messages", "show", "unknown", "--json"], env);
    expect(json).toMatchObject({ exitCode: 1, stdout: "" });
    expect(JSON.parse(json.stderr)).toEqual({ error: { code: "not_found", message: expect.any(String) } });
  });

  test("an option that is wrong is told with its name", async () => {
    const { env } = await startBeside(engine);
    for (const args of [
      ["messages", "list", "--since", "yesterday"],
      ["messages", "list", "--limit", "0"],
    ]) {
      const ran = await omb([...args, "--json"], env);
      expect(ran).toMatchObject({ exitCode: expect.any(Number), stdout: "" });
      expect(ran.exitCode).toBeGreaterThan(0);
      expect(JSON.parse(ran.stderr).error).toMatchObject({ code: "invalid_field", field: args[2]?.slice(2) });
    }
  });

  test("audit says that all is well, and exits 1 once it is not", async () => {
    const { scene, arrived, env } = await startBeside(engine);
    const well = await omb(["audit", "--json"], env);
    expect(well).toMatchObject({ exitCode: 0, stderr: "" });
    expect(JSON.parse(well.stdout)).toEqual({
      ok: true,
      counts: { messages: 2, delivered: 1, failed: 1 },
      findings: [],
    });
    expect((await omb(["audit"], env)).stdout).toContain("Every message has one fate");

    const { id } = await scene.find(arrived);
    await scene.stop();
    await scene.write((db) => db.updateTable("messages").set({ fate: "failed" }).where("id", "=", id).execute());
    const damaged = await omb(["audit", "--json"], env);
    expect(damaged.exitCode).toBe(1);
    expect(JSON.parse(damaged.stdout)).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([
        { messageId: id, problem: expect.stringContaining("disagree"), mend: expect.stringMatching(/\w/) },
      ]),
    });
    expect((await omb(["audit"], env)).stdout).toContain(id);
    await scene.write((db) => db.updateTable("messages").set({ fate: "delivered" }).where("id", "=", id).execute());
  });
});

describe("check", () => {
  test("settings that are right exit 0", async () => {
    const env = writeSettings(await makeDirectory());
    expect((await omb(["check"], env)).exitCode).toBe(0);
    expect(JSON.parse((await omb(["check", "--json"], env)).stdout)).toMatchObject({ ok: true });
  });

  test("settings that are wrong exit 2, with every problem at once and no secret", async () => {
    const env = writeSettings(await makeDirectory(), {
      integrations: [{ name: "Not A Name", signatureSecrets: ["short"], channel: "nowhere" }],
    });
    const ran = await omb(["check"], { ...env, PORT: "many" });
    expect(ran.exitCode).toBe(2);
    for (const path of ["integrations[0].name", "integrations[0].id", "signatureSecrets", "PORT"]) {
      expect(ran.stdout).toContain(path);
    }
    const json = await omb(["check", "--json"], { ...env, PORT: "many" });
    expect(json.exitCode).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ path: "PORT", allowed: expect.any(String) })]),
    });
  });

  test("a file that is not there, or no JSON, exits 2 and names it", async () => {
    const directory = await makeDirectory();
    const missing = join(directory, "missing.json");
    const broken = join(directory, "broken.json");
    writeFileSync(broken, "{");
    for (const file of [missing, broken]) {
      const ran = await omb(["check"], { OMB_CONFIG: file });
      expect(ran.exitCode).toBe(2);
      expect(ran.stdout).toContain(file);
    }
  });

  test("commands that need the settings refuse wrong ones as check does", async () => {
    for (const args of [["serve"], ["migrate"], ["messages", "list"], ["audit"]]) {
      const ran = await omb(args, { OMB_CONFIG: "/no/such/file.json" });
      expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
      expect(ran.stderr).toContain("/no/such/file.json");
    }
  });
});

test("migrate brings the store up to date once", async () => {
  const env = writeSettings(await makeDirectory());
  expect(JSON.parse((await omb(["migrate", "--json"], env)).stdout).applied).toContain("001-road");
  expect(await omb(["migrate"], env)).toMatchObject({ exitCode: 0, stdout: "The store is up to date.\n" });
});

test.each(["--web", "--worker"])("serve %s needs a PostgreSQL, and says so", async (half) => {
  const env = writeSettings(await makeDirectory());
  const ran = await omb(["serve", half], env);
  expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
  expect(ran.stderr).toContain("DATABASE_URL");
});

test.each([[["no-such-command"]], [["messages", "list", "--no-such-option"]], [["messages", "show"]]])(
  "wrong usage exits 2 and says where help is: %j",
  async (args) => {
    const ran = await omb(args);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain("--help");
  },
);

test("the version is the package's", async () => {
  expect(await omb(["--version"])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
