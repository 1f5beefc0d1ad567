/**
 * What ought to become of missed messages, worked out minute by minute for one customer: no database, no tasks, no steps in general.
 * It knows one policy: e-mail, then an SMS that must be confirmed. Everything happens on whole minutes.
 */

/** All in minutes; `quiet` in those of the day. */
export const times = { grace: 5, retryFor: 15, confirm: 30, maxAge: 1440, quietFrom: 21 * 60, quietTo: 8 * 60 };
export const perDay = 2;
/** How long after an SMS its report comes. */
export const reportAfter = 2;

export interface Persona {
  id: string;
  /** Of the wall clock, ahead of UTC. */
  hoursAhead: number;
  hasEmail: boolean;
  hasPhone: boolean;
  email: "works" | "refuses" | "is dead";
  sms: "arrives" | "stays silent" | "fails" | "refuses";
}

export type Happening = { minute: number; customer: string } & (
  | { what: "miss"; id: string }
  | { what: "arrive"; id: string }
  | { what: "return" }
  | { what: "optOut" | "optIn"; channel: "email" | "sms" | "*" }
);

export interface World {
  isMailDown(minute: number): boolean;
  /** Whether the process died around such a send in this minute, and whether the provider had it already. */
  crashOf(customer: string, channel: "email" | "sms", minute: number): "hadIt" | "neverGotIt" | undefined;
}

/** Messages that are told of together. */
interface Wave {
  missed: { id: string; at: number }[];
  stage: "email" | "sms" | "confirming";
  /** Nothing happens before. */
  notBefore: number;
  /** When it is looked at again. */
  due: number;
  mailedSince?: number;
  reportAt?: number;
  wasTried: boolean;
}

/** The fate of each message of one customer at the end. */
export function predict(persona: Persona, happenings: readonly Happening[], world: World, lastMinute: number) {
  const fates = new Map<string, string>();
  const optedOut = new Set<string>();
  let told: { at: number; untrueFrom: number }[] = [];
  let waves: Wave[] = [];

  function finish(wave: Wave, fate: string): void {
    for (const { id } of wave.missed) fates.set(id, fate);
    wave.missed = [];
  }

  for (let now = 0; now <= lastMinute; now += 1) {
    for (const wave of waves) {
      if (wave.reportAt !== now) continue;
      if (persona.sms === "arrives") finish(wave, "notified");
      if (persona.sms === "fails") finish(wave, "exhausted");
    }
    for (const one of happenings) if (one.minute === now) happen(one, now);
    told = told.filter((one) => one.at > now - 1440 && one.untrueFrom > now);
    for (const wave of waves) if (wave.missed.length > 0 && now >= wave.due) look(wave, now);
    waves = waves.filter((wave) => wave.missed.length > 0);
  }
  return fates;

  function happen(one: Happening, now: number): void {
    switch (one.what) {
      case "optOut":
        optedOut.add(one.channel);
        break;
      case "optIn":
        optedOut.delete(one.channel);
        break;
      case "return":
        for (const wave of waves) finish(wave, "returned");
        break;
      case "arrive":
        for (const wave of waves) {
          const left = wave.missed.filter((missed) => missed.id !== one.id);
          if (left.length < wave.missed.length) wave.due = now;
          wave.missed = left;
        }
        fates.set(one.id, "delivered");
        break;
      case "miss": {
        fates.set(one.id, "open");
        const waiting = waves.find((wave) => wave.stage !== "confirming" && wave.missed.length > 0);
        const start = now + times.grace;
        if (waiting) waiting.missed.push({ id: one.id, at: now });
        else
          waves.push({
            missed: [{ id: one.id, at: now }],
            stage: "email",
            notBefore: start,
            due: start,
            wasTried: false,
          });
        break;
      }
      default:
        one satisfies never;
    }
  }

  function look(wave: Wave, now: number): void {
    if (now < wave.notBefore) {
      wave.due = wave.notBefore;
      return;
    }
    const newest = Math.max(...wave.missed.map((one) => one.at));
    if (wave.stage === "confirming" || now - newest > times.maxAge) return finish(wave, "exhausted");
    const byMail = wave.stage === "email" && persona.hasEmail && mayUse("email");
    const bySms = persona.hasPhone && mayUse("sms");
    if (!byMail && !bySms) {
      if (wave.wasTried) return finish(wave, "exhausted");
      const isRefused = persona.hasPhone || (wave.stage === "email" && persona.hasEmail);
      return finish(wave, isRefused ? "suppressed" : "unreachable");
    }
    if (told.length >= perDay) return finish(wave, "suppressed");
    if (isQuiet(now)) {
      if (!byMail) wave.stage = "sms";
      wave.due = now;
      while (isQuiet(wave.due)) wave.due += 1;
      return;
    }
    wave.wasTried = true;
    if (byMail) mail(wave, now);
    else text(wave, now);
  }

  function mail(wave: Wave, now: number): void {
    wave.mailedSince ??= now;
    const isDown = world.isMailDown(now);
    if (world.crashOf(persona.id, "email", now) !== undefined) {
      told.push({ at: now, untrueFrom: Number.POSITIVE_INFINITY });
      return finish(wave, "unknown");
    }
    if (isDown && now < wave.mailedSince + times.retryFor) {
      wave.notBefore = now + 1;
      wave.due = wave.notBefore;
      return;
    }
    if (!isDown && persona.email === "works") {
      told.push({ at: now, untrueFrom: Number.POSITIVE_INFINITY });
      return finish(wave, "notified");
    }
    if (!isDown && persona.email === "is dead") optedOut.add("email");
    wave.stage = "sms";
    look(wave, now);
  }

  function text(wave: Wave, now: number): void {
    if (world.crashOf(persona.id, "sms", now) === "neverGotIt") {
      wave.stage = "sms";
      wave.notBefore = now + 1;
      wave.due = wave.notBefore;
      return;
    }
    if (persona.sms === "refuses") return finish(wave, "exhausted");
    const untrueFrom = persona.sms === "fails" ? now + reportAfter : Number.POSITIVE_INFINITY;
    told.push({ at: now, untrueFrom });
    wave.stage = "confirming";
    wave.reportAt = now + reportAfter;
    wave.notBefore = now + times.confirm;
    wave.due = wave.notBefore;
  }

  function mayUse(channel: "email" | "sms"): boolean {
    return !optedOut.has("*") && !optedOut.has(channel);
  }

  function isQuiet(minute: number): boolean {
    const local = (minute + 8 * 60 + persona.hoursAhead * 60 + 1440) % 1440;
    return local >= times.quietFrom || local < times.quietTo;
  }
}
