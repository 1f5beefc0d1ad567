import { refused } from "../helpers/adapter";
import { adminToken, type Scene, startScene } from "../helpers/bridge";
import { engines } from "../helpers/stores";

const mira = "mira@harborline.example";
const email = { type: "email", from: "Harborline <chat@harborline.example>", returnPath: "bounces@harborline.example" };

describe.each(engines)("on %s", (engine) => {
  async function startNotified() {
    const scene = await startScene(engine, { fallback: {} });
    await scene.restart({ fallback: {}, channels: { email: { ...email, smtp: scene.mail.url } } });
    scene.adapter.respond(() => refused("InvalidDestination"));
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

function report(to: string, action: string, status: string): string {
  return `From: MAILER-DAEMON@mx.example\nTo: ${to}\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; ${mira}\nAction: ${action}\nStatus: ${status}\n`;
}

async function hand(scene: Scene, mail: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "message/rfc822" };
  const { text } = await scene.call("POST", "/api/v1/bounces", headers, mail);
  return JSON.parse(text);
}
