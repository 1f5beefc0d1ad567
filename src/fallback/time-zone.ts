/** Which clock hangs on a customer's wall. Pure. */
import { parsePhoneNumberFromString } from "libphonenumber-js";
import { IANAZone } from "luxon";

/** Where the zone was learnt: from the adapter, the country of a phone number, or the settings. */
export type TimeZoneSource = "adapter" | "phone" | "settings";

export interface WallClock {
  /** IANA names; more than one where a country has several and the number does not tell which. */
  timeZones: readonly string[];
  source: TimeZoneSource;
}

/** The customer's own zone, else those of the country that the phone number (E.164) belongs to, else the configured one. */
export function chooseTimeZone(known: {
  own?: string | undefined;
  phone?: string | undefined;
  configured: string;
}): WallClock {
  if (known.own !== undefined && IANAZone.isValidZone(known.own)) return { timeZones: [known.own], source: "adapter" };
  const timeZones = known.phone === undefined ? [] : zonesOfNumber(known.phone);
  return timeZones.length > 0 ? { timeZones, source: "phone" } : { timeZones: [known.configured], source: "settings" };
}

function zonesOfNumber(phone: string): string[] {
  const country = parsePhoneNumberFromString(phone)?.country;
  if (country === undefined) return [];
  // The accessor became a method on the way into the standard; TypeScript's types know neither.
  const locale = new Intl.Locale("und", { region: country }) as { timeZones?: string[]; getTimeZones?(): string[] };
  return locale.getTimeZones?.() ?? locale.timeZones ?? [];
}
