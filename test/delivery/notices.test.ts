import { eraseRecipient } from "../../src/store/erase";
import { engines } from "../helpers/stores";
import { accepted, down, hashOf, minute, openLab, policyOf, refused, start, stepTo } from "./notice-lab";

const mira = "mira@harborline.example";
const phone = "+436641234567";

describe.each(engines)("on %s", (engine) => {
  describe("steps", () => {
    test("the second one follows at once when the first one fails for good", async () => {
      const lab = await openLab(engine);
      lab.answer("email", () => refused());
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent.map((one) => [one.channel, one.to])).toEqual([
        ["email", mira],
        ["sms", phone],
      ]);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("a server that is down is tried again until the next step is due", async () => {
      const lab = await openLab(engine, {
        policy: policyOf({ steps: [stepTo("email"), stepTo("sms", { afterMs: 5 * minute })] }),
      });
      lab.answer("email", () => down);
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      for (let n = 0; n < 10; n += 1) {
        lab.advance(minute);
        await lab.run();
      }
      const times = lab.sent.map((one) => [one.channel, (one.at - start) / minute]);
      expect(times).toEqual([1, 2, 3, 4, 5, 6].map((at) => ["email", at]).concat([["sms", 6]]));
      expect(await lab.fate(id)).toBe("notified");
    });

    test("a second provider takes over at once, and the customer is told once", async () => {
      const steps = [stepTo("sms"), stepTo("sms-2", { isBackup: true }), stepTo("email")];
      const lab = await openLab(engine, { policy: policyOf({ steps }) });
      lab.answer("sms", () => down);
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent.map((one) => one.channel)).toEqual(["sms", "sms-2"]);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("without an address anywhere the customer is unreachable, and the ledger says so", async () => {
      const lab = await openLab(engine);
      const id = await lab.miss("visitor-1");
      lab.advance(minute);
      await lab.run();
      const found = await lab.find(id);
      expect(found).toMatchObject({ fate: "unreachable", notice: { status: "unreachable" } });
      expect(found.timeline.at(-1)).toMatchObject({
        event: "notice.unreachable",
        detail: { because: "no usable address" },
      });
      expect(lab.sent).toEqual([]);
    });

    test("when every step has failed it is exhausted", async () => {
      const lab = await openLab(engine);
      lab.answer("email", () => refused());
      lab.answer("sms", () => refused());
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("exhausted");
    });
  });

  describe("a step that waits for a confirmation", () => {
    const steps = [stepTo("sms", { until: "delivered" }), stepTo("email", { afterMs: 10 * minute })];
    const policy = policyOf({ steps });

    async function untilAccepted() {
      const lab = await openLab(engine, { policy });
      lab.answer("sms", () => accepted("SM1"));
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("open");
      return { lab, id };
    }

    test("notifies when it comes, and no other step follows", async () => {
      const { lab, id } = await untilAccepted();
      expect(await lab.report("sms", "SM1", "delivered")).toBe(true);
      lab.advance(60 * minute);
      await lab.run();
      expect(await lab.find(id)).toMatchObject({ fate: "notified", notice: { status: "delivered", channel: "sms" } });
      expect(lab.sent).toHaveLength(1);
    });

    test("goes on to the next step when none comes in time", async () => {
      const { lab, id } = await untilAccepted();
      lab.advance(10 * minute - 1);
      await lab.run();
      expect(lab.sent).toHaveLength(1);
      lab.advance(1);
      await lab.run();
      expect(lab.sent.map((one) => one.channel)).toEqual(["sms", "email"]);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("goes on at once when it fails", async () => {
      const { lab, id } = await untilAccepted();
      await lab.report("sms", "SM1", "failed");
      await lab.run();
      expect(lab.sent.map((one) => one.channel)).toEqual(["sms", "email"]);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("is not followed by anything once the customer is back", async () => {
      const { lab, id } = await untilAccepted();
      await lab.comeBack(mira);
      lab.advance(60 * minute);
      await lab.run();
      expect(lab.sent).toHaveLength(1);
      expect(await lab.fate(id)).toBe("returned");
      expect(await lab.nextDueAt()).toBeUndefined();
    });

    test("keeps the better news when reports come twice or in the wrong order", async () => {
      const { lab, id } = await untilAccepted();
      await lab.report("sms", "SM1", "delivered");
      await lab.report("sms", "SM1", "failed");
      await lab.report("sms", "SM1", "delivered");
      await lab.run();
      expect(await lab.fate(id)).toBe("notified");
      const events = (await lab.find(id)).timeline.map((line) => line.event);
      expect(events.filter((event) => event === "notice.delivered")).toHaveLength(1);
    });

    test("that comes after the end still counts", async () => {
      const lab = await openLab(engine, { policy: policyOf({ steps: steps.slice(0, 1) }) });
      lab.answer("sms", () => accepted("SM1"));
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      for (const wait of [minute, 15 * minute]) {
        lab.advance(wait);
        await lab.run();
      }
      expect(await lab.fate(id)).toBe("exhausted");
      await lab.report("sms", "SM1", "delivered");
      expect(await lab.find(id)).toMatchObject({ fate: "notified", notice: { status: "delivered" } });
    });

    test("of a send that nobody knows is told to the caller", async () => {
      const lab = await openLab(engine);
      expect(await lab.report("sms", "SM-unknown", "delivered")).toBe(false);
    });
  });

  test("a mail that bounces after it was accepted has not notified anybody", async () => {
    const lab = await openLab(engine, { policy: policyOf({ steps: [stepTo("email")] }) });
    lab.answer("email", () => accepted("<1@bridge>"));
    const id = await lab.miss(mira);
    lab.advance(minute);
    await lab.run();
    expect(await lab.fate(id)).toBe("notified");
    await lab.report("email", "<1@bridge>", "failed");
    expect(await lab.find(id)).toMatchObject({ fate: "exhausted", notice: { status: "exhausted" } });
  });

  describe("coming back", () => {
    test("before the notice goes out cancels it", async () => {
      const lab = await openLab(engine);
      const id = await lab.miss(mira);
      await lab.comeBack(mira);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent).toEqual([]);
      expect(await lab.find(id)).toMatchObject({ fate: "returned", notice: { status: "cancelled" } });
    });

    test("leaves other customers' notices alone", async () => {
      const lab = await openLab(engine);
      const id = await lab.miss(mira);
      await lab.comeBack("noor@harborline.example");
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("notified");
    });

    test("while a send is under way ends what follows from its failure", async () => {
      const lab = await openLab(engine);
      lab.answer("email", async () => {
        await lab.comeBack(mira);
        return down;
      });
      await lab.know(mira, { phone });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      lab.advance(60 * minute);
      await lab.run();
      expect(lab.sent).toHaveLength(1);
      expect(await lab.fate(id)).toBe("returned");
    });
  });

  describe("a digest", () => {
    test("takes in what is missed while a retry waits", async () => {
      const lab = await openLab(engine, { policy: policyOf({ steps: [stepTo("email")] }) });
      let isDown = true;
      lab.answer("email", () => (isDown ? down : accepted()));
      const first = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      const second = await lab.miss(mira);
      isDown = false;
      lab.advance(minute);
      await lab.run();
      lab.advance(10 * minute);
      await lab.run();
      expect(lab.sent).toHaveLength(2);
      expect(lab.sent.at(-1)?.text).toContain("2 messages");
      expect([await lab.fate(first), await lab.fate(second)]).toEqual(["notified", "notified"]);
    });

    test("takes over a notice that was started while it was being sent and failed", async () => {
      const lab = await openLab(engine, { policy: policyOf({ steps: [stepTo("email")] }) });
      const ids = [await lab.miss(mira)];
      let tries = 0;
      lab.answer("email", async () => {
        tries += 1;
        if (tries > 1) return accepted();
        ids.push(await lab.miss(mira));
        return down;
      });
      for (let n = 0; n < 4; n += 1) {
        lab.advance(minute);
        await lab.run();
      }
      expect(lab.sent).toHaveLength(2);
      expect(lab.sent.at(-1)?.text).toContain("2 messages");
      const found = await Promise.all(ids.map((id) => lab.find(id)));
      expect(found.map((one) => one.fate)).toEqual(["notified", "notified"]);
      expect(new Set(found.map((one) => one.notice?.id)).size).toBe(1);
    });
  });

  describe("limits", () => {
    test("a customer is told so many times in 24 hours, at whatever id or address", async () => {
      const lab = await openLab(engine, { policy: policyOf({ maxPerRecipientPerDay: 1 }) });
      const first = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      await lab.know("visitor-1", { email: "Mira@Harborline.example" });
      const others = [await lab.miss(mira), await lab.miss("visitor-1")];
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(first)).toBe("notified");
      expect(await Promise.all(others.map(lab.fate))).toEqual(["suppressed", "suppressed"]);
      lab.advance(1440 * minute);
      const later = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(later)).toBe("notified");
    });

    test("past the brake notices wait, an alarm is raised, and all of them go out in the end", async () => {
      const lab = await openLab(engine, { policy: policyOf({ maxPerMinute: 3 }) });
      for (let n = 0; n < 10; n += 1) await lab.miss(`customer-${n}@harborline.example`);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent).toHaveLength(3);
      expect(lab.alarms.length).toBeGreaterThan(0);
      for (let n = 0; n < 3; n += 1) {
        lab.advance(minute);
        await lab.run();
      }
      expect(lab.sent).toHaveLength(10);
      const perMinute = lab.sent.map(({ at }) => lab.sent.filter((one) => one.at > at - minute && one.at <= at).length);
      expect(Math.max(...perMinute)).toBe(3);
    });

    test("in quiet hours a notice waits for the customer's own morning", async () => {
      const quietHours = { fromMinute: 21 * 60, toMinute: 8 * 60, timeZone: "Europe/Vienna" };
      const lab = await openLab(engine, { policy: policyOf({ steps: [stepTo("email", { quietHours })] }) });
      await lab.know(mira, { timeZone: "America/New_York" });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent).toEqual([]);
      const waiting = (await lab.find(id)).timeline.at(-1);
      expect(waiting).toMatchObject({
        event: "notice.postponed",
        detail: { because: "quietHours", timeZone: "America/New_York", timeZoneSource: "adapter" },
      });
      expect(await lab.nextDueAt()).toBe(start + 4 * 60 * minute);
      lab.advance(4 * 60 * minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("notified");
    });

    test("news that has become old is not told any more", async () => {
      const lab = await openLab(engine, { policy: policyOf({ maxAgeMs: 10 * minute }) });
      const id = await lab.miss(mira);
      lab.advance(11 * minute);
      await lab.run();
      expect(lab.sent).toEqual([]);
      expect(await lab.fate(id)).toBe("exhausted");
    });
  });

  describe("consent", () => {
    test("an opt-out in the last moment holds", async () => {
      const lab = await openLab(engine);
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.optOut(" MIRA@harborline.example", "email");
      await lab.run();
      expect(lab.sent).toEqual([]);
      expect(await lab.fate(id)).toBe("suppressed");
    });

    test("an opt-out of one channel leaves the other", async () => {
      const lab = await openLab(engine);
      await lab.know(mira, { phone });
      await lab.optOut(mira, "email");
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(lab.sent.map((one) => one.channel)).toEqual(["sms"]);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("an opt-out of the customer's id holds for all addresses", async () => {
      const lab = await openLab(engine);
      await lab.know("visitor-1", { email: mira, phone });
      await lab.optOut("visitor-1");
      const id = await lab.miss("visitor-1");
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("suppressed");
    });

    test("marketing needs a grant", async () => {
      const lab = await openLab(engine, { policy: policyOf({ purpose: "marketing" }) });
      const id = await lab.miss(mira);
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("suppressed");
    });

    test.each([
      ["a mailbox that does not exist", refused("InvalidDestination", "RCPT TO: 550 5.1.1"), "suppressed"],
      ["a disabled mailbox", refused("InvalidDestination", "RCPT TO: 550 5.2.1"), "suppressed"],
      ["a full mailbox", refused("InvalidDestination", "RCPT TO: 552 5.2.2"), "exhausted"],
      ["a policy of the receiver", refused("InvalidDestination", "RCPT TO: 550 5.7.1"), "exhausted"],
      ["a recipient who opted out", refused("RecipientOptedOut", "550"), "suppressed"],
    ])("after %s the next notice ends as %s", async (_, outcome, next) => {
      const lab = await openLab(engine, { policy: policyOf({ steps: [stepTo("email")] }) });
      lab.answer("email", () => outcome);
      const ids: string[] = [];
      for (let n = 0; n < 2; n += 1) {
        ids.push(await lab.miss(mira));
        lab.advance(minute);
        await lab.run();
      }
      expect(await Promise.all(ids.map(lab.fate))).toEqual(["exhausted", next]);
    });
  });

  test("a customer who is forgotten leaves no trace in notices, and an opt-out goes on holding", async () => {
    const lab = await openLab(engine);
    await lab.know("visitor-1", { email: mira, phone });
    lab.answer("email", () => refused("InvalidDestination", "RCPT TO: 550 5.1.1"));
    await lab.miss("visitor-1");
    lab.advance(minute);
    await lab.run();
    await eraseRecipient(lab.database, { recipient: "visitor-1" }, { now: lab.now, removeFiles: async () => 0 });
    const { db } = lab.database;
    const left = JSON.stringify([
      await db.selectFrom("notices").selectAll().execute(),
      await db.selectFrom("notice_sends").selectAll().execute(),
      await db.selectFrom("customers").selectAll().execute(),
      await db.selectFrom("consents").selectAll().execute(),
      await db.selectFrom("consent_history").selectAll().execute(),
    ]);
    for (const trace of ["visitor-1", mira, phone]) expect(left).not.toContain(trace);
    await lab.know("visitor-2", { email: mira });
    const id = await lab.miss("visitor-2");
    lab.advance(minute);
    await lab.run();
    expect(await lab.fate(id)).toBe("suppressed");
  });

  describe("an external contact", () => {
    const policy = policyOf({ addresses: ["recipient", "externalContact"], steps: [stepTo("email")] });

    test("is asked for where nothing else is known", async () => {
      const lab = await openLab(engine, { policy, contact: () => ({ emails: [mira], phones: [] }) });
      const ids = [await lab.miss("visitor-1"), await lab.miss(mira)];
      lab.advance(minute);
      await lab.run();
      expect(lab.asked).toEqual(["visitor-1"]);
      expect(await Promise.all(ids.map(lab.fate))).toEqual(["notified", "notified"]);
    });

    test("is asked for again later when Genesys Cloud cannot say now", async () => {
      let away = true;
      const lab = await openLab(engine, { policy, contact: () => (away ? "later" : { emails: [mira], phones: [] }) });
      const id = await lab.miss("visitor-1");
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("open");
      away = false;
      lab.advance(minute);
      await lab.run();
      expect(await lab.fate(id)).toBe("notified");
    });
  });

  describe("after a crash in the middle of a send", () => {
    class Killed extends Error {}

    async function crashAfterSend(lookUp?: Parameters<Awaited<ReturnType<typeof openLab>>["allowLookUp"]>[1]) {
      let kill = true;
      const lab = await openLab(engine, {
        policy: policyOf({ steps: [stepTo("email")] }),
        aroundCommit: async (commit) => {
          if (kill && lab.sent.length > 0) throw new Killed();
          return commit();
        },
      });
      if (lookUp) lab.allowLookUp("email", lookUp);
      const id = await lab.miss(mira);
      lab.advance(minute);
      await expect(lab.run()).rejects.toThrow(Killed);
      kill = false;
      await lab.restart();
      await lab.run();
      lab.advance(60 * minute);
      await lab.run();
      return { lab, id };
    }

    test("a channel that cannot be asked leaves it unknown, and nothing is sent again", async () => {
      const { lab, id } = await crashAfterSend();
      expect(lab.sent).toHaveLength(1);
      expect(await lab.find(id)).toMatchObject({ fate: "unknown", notice: { status: "unknown" } });
    });

    test("a channel that has it says so", async () => {
      const seen: unknown[] = [];
      const { lab, id } = await crashAfterSend((hidden) => {
        seen.push(hidden);
        return { status: "found", outcome: accepted("late-1") };
      });
      expect(lab.sent).toHaveLength(1);
      expect(await lab.fate(id)).toBe("notified");
      expect(seen).toEqual([{ to: mira, sentAt: start + minute, textHash: hashOf(lab.sent[0]?.text ?? "") }]);
    });

    test("a channel that never got it is given it again", async () => {
      const { lab, id } = await crashAfterSend(() => ({ status: "found", outcome: down }));
      expect(lab.sent).toHaveLength(2);
      expect(await lab.fate(id)).toBe("notified");
    });

    test("a channel that stays silent leaves it unknown", async () => {
      const { lab, id } = await crashAfterSend(() => ({ status: "later" }));
      expect(lab.sent).toHaveLength(1);
      expect(await lab.fate(id)).toBe("unknown");
    });
  });
});
