/** A process that ends between an agentless send and its record, over a Genesys Cloud to practise on. */
import { agentlessThrough } from "../../src/app/agentless";
import { createChannel } from "../../src/channels/index";
import { createGenesysClient } from "../../src/genesys/client";
import { createSimulator } from "../../src/simulator";
import { retry } from "../channels/deliveries";
import { atEnd } from "../helpers/clean-up";
import { engines } from "../helpers/stores";
import { minute, openLab, policyOf, start, stepTo } from "./notice-lab";

const mira = "mira@harborline.example";
const phone = "+436641234567";

class Killed extends Error {}

describe.each(engines)("on %s", (engine) => {
  async function crashAfterSend(type: "email" | "sms") {
    const clock = { now: () => start };
    const known = { id: "client-a", secret: "secret-a" };
    const simulator = createSimulator({ clients: [known], now: () => clock.now() });
    const gatewayUrl = await simulator.start();
    atEnd(simulator.stop);
    const client = createGenesysClient({ organisation: { gatewayUrl, clients: [known] }, now: () => clock.now() });
    atEnd(client.close);
    const shared = { name: type, provider: "genesys", organisation: "main", timeoutMs: 5000, retry } as const;
    const channel = createChannel(
      type === "sms"
        ? { ...shared, type, from: "+13175550142" }
        : { ...shared, type, from: "notices@mail.harborline.example" },
      { now: () => new Date(clock.now()), agentlessOf: agentlessThrough(new Map([["main", client]])) },
    );
    const sent = () => simulator.emails().length + simulator.messagesTo(phone).length;
    let kill = true;
    const lab = await openLab(engine, {
      channel,
      policy: policyOf({ steps: [stepTo(type)], addressOf: { "visitor-1": { email: mira, phone } } }),
      aroundCommit: async (commit) => {
        if (kill && sent() > 0) throw new Killed();
        return commit();
      },
    });
    clock.now = lab.now;
    const id = await lab.miss("visitor-1");
    lab.advance(minute);
    await expect(lab.run()).rejects.toThrow(Killed);
    kill = false;
    await lab.restart();
    await lab.run();
    lab.advance(60 * minute);
    await lab.run();
    return { fate: await lab.fate(id), sent: sent() };
  }

  test("a mail stays unknown, and goes out once", async () => {
    expect(await crashAfterSend("email")).toEqual({ fate: "unknown", sent: 1 });
  });

  test("an SMS is found, and goes out once", async () => {
    expect(await crashAfterSend("sms")).toEqual({ fate: "notified", sent: 1 });
  });
});
