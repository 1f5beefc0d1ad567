/** Cutting text where no visible character is torn apart (Unicode Standard Annex 29). */

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Longer than any emoji sequence; what is longer (stacked accents) may be cut between code points. */
const longestGrapheme = 64;

/**
 * The last place at or before `limit` (UTF-16 units, at least 2) where `text` may be cut, never 0: a character longer
 * than the limit is cut between code points.
 */
export function findCut(text: string, limit: number): number {
  if (text.length <= limit) return text.length;
  const start = graphemes.segment(text.slice(0, limit + longestGrapheme)).containing(limit)?.index ?? 0;
  return start > 0 ? start : limit - (isLowSurrogate(text, limit) ? 1 : 0);
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
