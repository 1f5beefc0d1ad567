/** A week of missed messages, failures, returns, opt-outs and crashes, held against a deliberately simple model. */
import * as fc from "fast-check";
import type { Engine } from "../../src/store/engine";
import { engines } from "../helpers/stores";
import { accepted, down, minute, openLab, policyOf, refused, type Sent, start, stepTo } from "./notice-lab";
import { type Happening, perDay, type Persona, predict, reportAfter, times, type World } from "./notice-model";

const lastMinute = 7 * 1440;

const persona = (id: string): fc.Arbitrary<Persona> =>
  fc.record({
    id: fc.constant(id),
    hoursAhead: fc.constantFrom(-7, 0, 2, 9),
    hasEmail: fc.boolean(),
    hasPhone: fc.boolean(),
    email: fc.constantFrom("works", "works", "refuses", "is dead"),
    sms: fc.constantFrom("arrives", "arrives", "stays silent", "fails", "refuses"),
  });

const zones: Record<number, string> = {
  [-7]: "America/Phoenix",
  0: "Etc/UTC",
  2: "Africa/Johannesburg",
  9: "Asia/Tokyo",
};

interface Script {
  personas: Persona[];
  /** One each minute at most. */
  happenings: Happening[];
  /** Hours in which the mail server takes nothing. */
  downAt: { from: number; length: number }[];
  /** The commits and sends at which the process ends, counted over the week. */
  killAt: number[];
}

/** Of a full script, everything is as long as it may be. */
function script(customers: number, size: number, isFull = false): fc.Arbitrary<Script> {
  const lengths = (length: number) => (isFull ? { minLength: length, maxLength: length } : { maxLength: length });
  const ids = Array.from({ length: customers }, (_, n) => `visitor-${n}`);
  const channel = fc.constantFrom("email", "sms", "*");
  const one = fc.record({
    gap: fc.integer({ min: 1, max: Math.max(1, Math.floor((2 * lastMinute) / size) - 1) }),
    customer: fc.constantFrom(...ids),
    what: fc.oneof(
      { weight: 12, arbitrary: fc.constant("miss" as const) },
      { weight: 2, arbitrary: fc.constant("arrive" as const) },
      { weight: 2, arbitrary: fc.constant("return" as const) },
      { weight: 1, arbitrary: fc.constant("optOut" as const) },
      { weight: 1, arbitrary: fc.constant("optIn" as const) },
    ),
    channel,
    pick: fc.nat(),
  });
  return fc.record({
    personas: fc.tuple(...ids.map(persona)).map((all) => [...all]),
    happenings: fc.array(one, lengths(size)).map((all) => {
      let at = 0;
      const missed = new Map<string, string[]>();
      const made: Happening[] = [];
      for (const { gap, customer, what, channel: by, pick } of all) {
        at += gap;
        const known = missed.get(customer) ?? [];
        if (at > lastMinute - 1440) break;
        if (what === "miss") {
          const id = `message-${made.length}`;
          missed.set(customer, [...known, id]);
          made.push({ minute: at, customer, what, id });
        } else if (what === "arrive") {
          const id = known[known.length - 1 - (pick % 3)];
          if (id !== undefined) made.push({ minute: at, customer, what, id });
        } else if (what === "return") made.push({ minute: at, customer, what });
        else made.push({ minute: at, customer, what, channel: by });
      }
      return made;
    }),
    downAt: fc.array(
      fc.record({ from: fc.integer({ min: 0, max: lastMinute }), length: fc.integer({ min: 1, max: 90 }) }),
      lengths(8),
    ),
    killAt: fc.array(fc.integer({ min: 1, max: size }), lengths(Math.ceil(size / 20))),
  });
}

class Killed extends Error {}

async function live(engine: Engine, { personas, happenings, downAt, killAt }: Script) {
  const quietHours = { fromMinute: times.quietFrom, toMinute: times.quietTo, timeZone: "UTC" };
  const policy = policyOf({
    graceMs: times.grace * minute,
    maxAgeMs: times.maxAge * minute,
    undeliveredAfterMs: times.confirm * minute,
    maxPerRecipientPerDay: perDay,
    addresses: ["adapter"],
    steps: [stepTo("email", { quietHours }), stepTo("sms", { quietHours, until: "delivered" })],
  });
  const kills = new Set(killAt);
  let points = 0;
  let isDead = false;
  /** A point at which the process may end; every later one of the same life does nothing any more. */
  const mayDie = () => {
    points += 1;
    if (kills.has(points)) isDead = true;
    if (isDead) throw new Killed();
  };
  const lab = await openLab(engine, {
    policy,
    isDead: () => isDead,
    aroundCommit: async (commit) => {
      mayDie();
      const result = await commit();
      mayDie();
      return result;
    },
  });
  const isMailDown = (at: number) => downAt.some(({ from, length }) => at >= from && at < from + length);
  const minuteNow = () => (lab.now() - start) / minute;
  const byAddress = new Map(personas.flatMap((one) => [[emailOf(one), one] as const, [phoneOf(one), one] as const]));
  const reports = new Map<number, { sid: string; status: "delivered" | "failed" }[]>();

  /** What providers took, by the notice and the time. */
  const taken: (Sent & { sid: string })[] = [];
  lab.answer("email", (sent) => {
    const to = byAddress.get(sent.to);
    if (isMailDown(minuteNow())) return down;
    if (to?.email === "refuses") return refused("InvalidDestination", "RCPT TO: 550 5.7.1");
    if (to?.email === "is dead") return refused("InvalidDestination", "RCPT TO: 550 5.1.1");
    taken.push({ ...sent, sid: "" });
    return accepted();
  });
  lab.answer("sms", (sent) => {
    const to = byAddress.get(sent.to);
    if (to?.sms === "refuses") return refused();
    const sid = `SM${taken.length}`;
    taken.push({ ...sent, sid });
    if (to?.sms === "arrives" || to?.sms === "fails") {
      const at = minuteNow() + reportAfter;
      reports.set(at, [...(reports.get(at) ?? []), { sid, status: to.sms === "arrives" ? "delivered" : "failed" }]);
    }
    return accepted(sid);
  });
  lab.allowLookUp("sms", ({ to, sentAt }) => {
    const had = taken.find((one) => one.to === to && one.at === sentAt);
    const refuses = byAddress.get(to)?.sms === "refuses" && lab.sent.some((one) => one.to === to && one.at === sentAt);
    if (refuses) return { status: "found", outcome: refused() };
    return { status: "found", outcome: had === undefined ? down : accepted(had.sid) };
  });

  for (const one of personas) {
    const known = {
      ...(one.hasEmail ? { email: emailOf(one) } : {}),
      ...(one.hasPhone ? { phone: phoneOf(one) } : {}),
    };
    await lab.know(one.id, { ...known, timeZone: zones[one.hoursAhead] ?? "UTC" });
  }

  const crashes = new Map<string, "hadIt" | "neverGotIt">();
  /** Whatever is durable is done again after the process has ended, until it is done. */
  async function survive(work: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        for (const { customer, channel, had } of await inFlight()) {
          crashes.set(`${customer} ${channel} ${minuteNow()}`, had ? "hadIt" : "neverGotIt");
        }
        isDead = false;
        await lab.restart();
      }
    }
  }
  /** Customers whose notice was being sent when the process ended, and whether the provider was asked. */
  async function inFlight() {
    const rows = await lab.database.db
      .selectFrom("notices as n")
      .innerJoin("messages as m", "m.notice_seq", "n.seq")
      .select(["n.id", "n.channel", "m.recipient_id"])
      .where("n.in_flight", "=", 1)
      .execute();
    return rows.map(({ id, channel, recipient_id }) => ({
      customer: recipient_id,
      channel,
      had: lab.sent.some((one) => one.noticeId === id && one.channel === channel && one.at === lab.now()),
    }));
  }

  const ids = new Map<string, string>();
  const queue = [...happenings];
  for (;;) {
    const due = await lab.nextDueAt();
    const next = Math.min(
      queue[0]?.minute ?? Number.POSITIVE_INFINITY,
      due === undefined ? Number.POSITIVE_INFINITY : Math.max(minuteNow(), (due - start) / minute),
      ...reports.keys(),
    );
    if (next > lastMinute) break;
    lab.advance((next - minuteNow()) * minute);
    for (const { sid, status } of reports.get(next) ?? []) await survive(() => lab.report("sms", sid, status));
    reports.delete(next);
    while (queue[0]?.minute === next) {
      const one = queue.shift() as Happening;
      const who = personas.find(({ id }) => id === one.customer) as Persona;
      if (one.what === "miss") ids.set(one.id, await lab.miss(one.customer));
      if (one.what === "arrive") await lab.arrive(ids.get(one.id) ?? "");
      if (one.what === "return") await lab.comeBack(one.customer);
      if (one.what === "optOut") await lab.optOut(addressFor(who, one.channel), one.channel);
      if (one.what === "optIn") await lab.optIn(addressFor(who, one.channel), one.channel);
    }
    await survive(lab.run);
  }

  const fates = await lab.fates();
  const found = new Map([...ids].map(([name, id]) => [name, fates.get(id)]));
  const world: World = {
    isMailDown,
    crashOf: (customer, channel, at) => crashes.get(`${customer} ${channel} ${at}`),
  };
  const expected = new Map(
    personas.flatMap((one) => {
      const own = happenings.filter(({ customer }) => customer === one.id);
      return [...predict(one, own, world, lastMinute)];
    }),
  );
  return { found, expected, sent: lab.sent, taken, byAddress, crashes: crashes.size };
}

const emailOf = ({ id }: Persona) => `${id}@harborline.example`;
const phoneOf = ({ id }: Persona) => `+43664${id.slice("visitor-".length).padStart(7, "0")}`;
function addressFor(who: Persona, channel: "email" | "sms" | "*"): string {
  if (channel === "*") return who.id;
  return channel === "email" ? emailOf(who) : phoneOf(who);
}

function check({ found, expected, sent, taken, byAddress }: Awaited<ReturnType<typeof live>>): void {
  expect(Object.fromEntries([...found].sort())).toEqual(Object.fromEntries([...expected].sort()));
  // Beside the fates: whatever went out went out by day, and no notice twice.
  for (const { to, at } of sent) {
    const local = (((at / minute + (byAddress.get(to)?.hoursAhead ?? 0) * 60) % 1440) + 1440) % 1440;
    expect(local >= times.quietTo && local < times.quietFrom).toBe(true);
  }
  const notices = taken.map((one) => one.noticeId);
  expect(new Set(notices).size).toBe(notices.length);
}

describe.each(engines)("on %s", (engine) => {
  test("whatever happens to a few customers in a week, everybody is told what the model says", async () => {
    const numRuns = engine === "sqlite" ? 25 : 6;
    const outcome = await fc.check(
      fc.asyncProperty(script(3, 40), async (one) => check(await live(engine, one))),
      { numRuns },
    );
    expect(fc.defaultReportMessage(outcome) ?? "").toBe("");
  }, 300_000);

  test("a week of thousands of messages, with crashes at every step, ends as the model says", async () => {
    const size = engine === "sqlite" ? 4000 : 800;
    const [one] = fc.sample(script(40, size, true), { numRuns: 1, seed: 20_260_914 });
    if (one === undefined) throw new Error("no script");
    const lived = await live(engine, one);
    check(lived);
    expect(lived.crashes).toBeGreaterThan(0);
    const fates = new Set(lived.found.values());
    expect(fates.size).toBeGreaterThan(6);
  }, 600_000);
});
