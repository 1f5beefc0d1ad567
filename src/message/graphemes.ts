/** Places where text may be cut without tearing a visible character (Unicode Standard Annex 29). */

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const words = new Intl.Segmenter("en", { granularity: "word" });
/** Longer than any emoji sequence; what is longer (stacked accents) may be cut between code points. */
const longestGrapheme = 64;

/**
 * The last place at or before `limit` (UTF-16 units, at least 2) where `text` may be cut, never 0: a character longer
 * than the limit is cut between code points.
 */
export function findCut(text: string, limit: number): number {
  if (text.length <= limit) return text.length;
  const cut = startOfSegment(graphemes, text, limit);
  return cut > 0 ? cut : limit - (isLowSurrogate(text, limit) ? 1 : 0);
}

/** As {@link findCut}, but between words if one starts shortly before the limit. */
export function findWordCut(text: string, limit: number): number {
  if (text.length <= limit) return text.length;
  const from = Math.max(limit - longestGrapheme, 0);
  const start = startOfSegment(words, text.slice(from), limit - from);
  return start > 0 && startOfSegment(graphemes, text, from + start) === from + start
    ? from + start
    : findCut(text, limit);
}

function startOfSegment(segmenter: Intl.Segmenter, text: string, index: number): number {
  return segmenter.segment(text.slice(0, index + longestGrapheme)).containing(index)?.index ?? 0;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
