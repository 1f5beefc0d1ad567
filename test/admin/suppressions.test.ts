import { refused } from "../helpers/adapter";
import { adminToken, type Scene, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";

const mira = "mira@harborline.example";

interface Listed {
  items: { address: string | null; channel: string; purpose: string; source: string; state: string }[];
}

describe.each(engines)("on %s", (engine) => {
  test("an address that was suppressed is written to no more, until that is taken back", async () => {
    const scene = await startScene(engine, { fallback: {} });
    scene.adapter.respond(() => refused("InvalidDestination"));
    const added = await ask(scene, "POST", "", {
      address: "MIRA@harborline.example",
      channel: "email",
      reason: "asked",
    });
    expect(added).toMatchObject({
      status: 201,
      body: { address: mira, channel: "email", purpose: "*", reason: "asked" },
    });
    expect(await ask(scene, "POST", "", { address: mira, channel: "email" })).toMatchObject({ status: 200 });
    await scene.untilFate(await scene.say(mira), "suppressed");

    expect(await ask(scene, "DELETE", "", { address: mira, channel: "email" })).toMatchObject({ body: { removed: 1 } });
    await scene.untilFate(await scene.say(mira), "notified");
    expect(scene.mails()).toHaveLength(1);
    const { items } = (await ask(scene, "GET", `/history?address=${mira}`)).body as unknown as { items: object[] };
    expect(items).toMatchObject([{ change: "optedOut" }, { change: "optedOut" }, { change: "removed" }]);
  });

  test("what is wrong in a request is named", async () => {
    const scene = await startScene(engine);
    const wrong: [object, string][] = [
      [{}, "address"],
      [{ address: "" }, "address"],
      [{ address: "a\nb" }, "address"],
      [{ address: "mira", channel: "email" }, "address"],
      [{ address: mira, channel: "sms" }, "address"],
      [{ address: "0664 1234567", channel: "sms" }, "address"],
      [{ address: mira, channel: "fax" }, "channel"],
      [{ address: mira, purpose: "fun" }, "purpose"],
      [{ address: mira, colour: "red" }, "colour"],
    ];
    const found = await Promise.all(wrong.map(([body]) => ask(scene, "POST", "", body)));
    expect(found.map(({ status, body }) => [status, (body.error as { field: string }).field])).toEqual(
      wrong.map(([, field]) => [400, field]),
    );
  });

  test("without the admin token there is no list, and what is not there cannot be taken back", async () => {
    const scene = await startScene(engine);
    expect((await scene.call("GET", "/api/v1/suppressions")).status).toBe(401);
    expect(await ask(scene, "DELETE", `?address=${mira}`)).toMatchObject({ status: 404 });
  });

  test("a file adds what is right in it and says line by line what is not", async () => {
    const scene = await startScene(engine);
    const file = `address,channel,reason\n${mira},email,"asked, twice"\nnobody,email,\n+43 664 1234567,sms,\n${mira},email,again\nx,y,z,too many\n`;
    const { body } = await ask(scene, "POST", "/import", { csv: file });
    expect(body).toMatchObject({ added: 2, unchanged: 1 });
    expect((body.errors as { line: number }[]).map((one) => one.line)).toEqual([3, 6]);
    const headers = { authorization: `Bearer ${adminToken}`, "content-type": "text/csv" };
    const raw = await scene.call("POST", "/api/v1/suppressions/import", headers, file);
    expect(JSON.parse(raw.text)).toMatchObject({ added: 0, unchanged: 3 });
    const ofSms = (await ask(scene, "GET", "?channel=sms")).body as unknown as Listed;
    expect(ofSms.items).toMatchObject([{ address: "+436641234567", source: "import" }]);
  });

  test("the link of a mail asks on GET and unsubscribes on POST, and mail clients do it with one click", async () => {
    const scene = await startScene(engine, { fallback: {}, env: { PUBLIC_URL: "https://bridge.example" } });
    scene.adapter.respond(() => refused("InvalidDestination"));
    await scene.untilFate(await scene.say(mira), "notified");
    const mail = scene.mails()[0]?.mail;
    const headers = new Map(mail?.headers.map((one) => [one.key, one.value]));
    const link = /^<(https:\/\/bridge\.example(\/unsubscribe\/[\w-]+))>$/.exec(headers.get("list-unsubscribe") ?? "");
    expect(headers.get("list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
    expect(mail?.text).toContain(link?.[1]);
    const path = link?.[2] ?? "";

    const page = await scene.call("GET", path, { "accept-language": "de" });
    expect(page.status).toBe(200);
    expect(page.text).toContain("m…@harborline.example");
    expect(page.text).toContain('<html lang="de">');
    expect((await listed(scene)).items).toEqual([]);

    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await scene.call("POST", path, form, "List-Unsubscribe=One-Click")).status).toBe(200);
    expect((await listed(scene)).items).toMatchObject([
      { address: mira, channel: "email", purpose: "*", source: "oneClick", state: "optedOut" },
    ]);
    await scene.untilFate(await scene.say(mira), "suppressed");
  });

  test("a forged link changes nothing", async () => {
    const scene = await startScene(engine);
    for (const token of ["abc", "A".repeat(120)]) {
      expect((await scene.call("POST", `/unsubscribe/${token}`)).status).toBe(404);
      expect((await scene.call("GET", `/unsubscribe/${token}`)).status).toBe(404);
    }
    expect((await listed(scene)).items).toEqual([]);
  });
});

async function listed(scene: Scene): Promise<Listed> {
  return (await ask(scene, "GET", "?state=all")).body as unknown as Listed;
}

async function ask(scene: Scene, method: "GET" | "POST" | "DELETE", path: string, body?: unknown) {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  const answer = await scene.call(method, `/api/v1/suppressions${path}`, headers, text);
  return { status: answer.status, body: JSON.parse(answer.text) as Record<string, unknown> };
}
