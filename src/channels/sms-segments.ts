/** How many parts of an SMS a text takes (3GPP TS 23.038, TS 23.040). Pure. */

const basic =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/** Each takes two places. */
const extended = "\f^{}\\[~]|€";

export interface Segments {
  /** One character beyond the GSM alphabet makes the whole text UCS-2. */
  encoding: "GSM-7" | "UCS-2";
  segments: number;
}

export function countSegments(text: string): Segments {
  let places = 0;
  for (const letter of text) {
    if (basic.includes(letter)) places += 1;
    else if (extended.includes(letter)) places += 2;
    else return { encoding: "UCS-2", segments: parts(text.length, 70, 67) };
  }
  return { encoding: "GSM-7", segments: parts(places, 160, 153) };
}

/** Several parts have a header each, and less room. */
function parts(places: number, alone: number, joined: number): number {
  if (places === 0) return 0;
  return places <= alone ? 1 : Math.ceil(places / joined);
}
