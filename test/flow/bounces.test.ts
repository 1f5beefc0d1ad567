import { accepted, refused } from "../helpers/adapter";
import { adminToken, chatSecret, type Scene, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";
import { until } from "../helpers/until";

const mira = "mira@harborline.example";
const email = { type: "email", from: "Harborline <chat@harborline.example>", returnPath: "bounces@harborline.example" };

describe.each(engines)("on %s", (engine) => {
  /** The second step, if there is one, is a channel that takes every notice. */
  async function startNotified(second: string[] = []) {
    const scene = await startScene(engine, { fallback: {} });
    const push = { type: "http", url: scene.adapter.url, secret: chatSecret };
    await scene.restart({
      fallback: { steps: ["email", ...second].map((channel) => ({ channel })) },
      channels: { email: { ...email, smtp: scene.mail.url }, push },
    });
    scene.adapter.respond(({ notice }) => (notice === undefined ? refused("InvalidDestination") : accepted()));
    const id = await scene.say(mira);
    await scene.untilFate(id, "notified");
    const from = scene.mails()[0]?.envelope.mailFrom;
    return { scene, id, from: from === undefined || from === false ? "" : from.address };
  }

  test("a mail that comes back to its signed return path has reached nobody, and a dead mailbox is not written to again", async () => {
    const { scene, id, from } = await startNotified();
    expect(from).toMatch(/^bounces\+[0-9a-f]{32}\.[0-9a-f]{16}@harborline\.example$/);
    expect(await hand(scene, report(from, "failed", "5.1.1"))).toEqual({ result: "bounce", suppressed: true });
    await scene.untilFate(id, "exhausted");
    expect(await hand(scene, report(from, "failed", "5.1.1"))).toEqual({ result: "bounce", suppressed: true });
    await scene.untilFate(await scene.say(mira), "suppressed");
    expect(await readSuppressions(scene)).toMatchObject([{ address: mira, channel: "email", source: "bounce" }]);
  });

  test("an address that the report does not name, or that was erased, is suppressed without being kept", async () => {
    const { scene, from } = await startNotified();
    const elsewhere = report(from, "failed", "5.1.1").replace(mira, "mira@forwarded.example");
    expect(await hand(scene, elsewhere)).toEqual({ result: "bounce", suppressed: true });
    await scene.untilFate(await scene.say(mira), "suppressed");
    expect(await readSuppressions(scene)).toMatchObject([{ address: null, source: "bounce" }]);

    const other = await startNotified();
    const erasure = JSON.stringify({ recipient: mira });
    expect((await other.scene.call("POST", "/api/v1/erasures", authorized, erasure)).status).toBe(200);
    expect(await hand(other.scene, report(other.from, "failed", "5.1.1"))).toMatchObject({ suppressed: true });
    expect(await readSuppressions(other.scene)).toMatchObject([{ address: null, source: "bounce" }]);
  });

  test("the next step tells whom the mail did not reach, once", async () => {
    const { scene, id, from } = await startNotified(["push"]);
    expect(pushed(scene)).toEqual([]);
    expect(await hand(scene, report(from, "failed", "5.1.1"))).toEqual({ result: "bounce", suppressed: true });
    await until(
      () => scene.find(id),
      ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
    );
    const { fate, timeline } = await scene.find(id);
    expect(fate).toBe("notified");
    const told = timeline.map(({ event }) => event).filter((event) => event.startsWith("notice."));
    expect(told).toEqual(expect.arrayContaining(["notice.failed", "notice.postponed"]));
    expect(told.filter((event) => event === "notice.accepted")).toHaveLength(2);
    expect(await hand(scene, report(from, "failed", "5.1.1"))).toEqual({ result: "bounce", suppressed: true });
    await scene.settle();
    expect(pushed(scene)).toEqual([mira]);
    // From now on the first step is passed over.
    const next = await scene.say(mira);
    await scene.untilFate(next, "notified");
    expect([pushed(scene).length, scene.mails().length]).toEqual([2, 1]);
  });

  test("who came back before the mail did is told nothing more", async () => {
    const { scene, id, from } = await startNotified(["push"]);
    const customer = { id: mira, idType: "Email" };
    await scene.tell("events", { integration: "harborline-chat", from: customer, type: "online" });
    await scene.settle();
    expect((await scene.find(id)).fate).toBe("notified");
    await hand(scene, report(from, "failed", "5.2.2"));
    await scene.untilFate(id, "returned");
    await scene.settle();
    expect(pushed(scene)).toEqual([]);
  });

  test("a full mailbox closes nothing, and news of a delay changes nothing", async () => {
    const { scene, id, from } = await startNotified();
    expect(await hand(scene, report(from, "delayed", "4.2.2"))).toEqual({ result: "delay", suppressed: false });
    expect((await scene.find(id)).fate).toBe("notified");
    expect(await hand(scene, report(from, "failed", "5.2.2"))).toEqual({ result: "bounce", suppressed: false });
    await scene.untilFate(id, "exhausted");
    await scene.untilFate(await scene.say(mira), "notified");
  });

  test("a report that anybody made up is ignored", async () => {
    const { scene, id, from } = await startNotified();
    const forged = from.replace(/\.[0-9a-f]{16}@/, ".0123456789abcdef@");
    expect(await hand(scene, report(forged, "failed", "5.1.1"))).toEqual({ result: "ignored", suppressed: false });
    expect((await scene.find(id)).fate).toBe("notified");
    expect((await scene.call("POST", "/api/v1/bounces", {}, report(from, "failed", "5.1.1"))).status).toBe(401);
  });
});

/** To whom the second step sent its notices. */
function pushed(scene: Scene): string[] {
  return scene.adapter.calls.flatMap(({ body }) => (body.notice === undefined ? [] : [body.notice.to]));
}

function report(to: string, action: string, status: string): string {
  return `From: MAILER-DAEMON@mx.example\nTo: ${to}\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ${mira}\nAction: ${action}\nStatus: ${status}\n`;
}

const authorized = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };

async function readSuppressions(scene: Scene): Promise<unknown[]> {
  const { text } = await scene.call("GET", "/api/v1/suppressions", authorized);
  return JSON.parse(text).items;
}

async function hand(scene: Scene, mail: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "message/rfc822" };
  const { text } = await scene.call("POST", "/api/v1/bounces", headers, mail);
  return JSON.parse(text);
}
