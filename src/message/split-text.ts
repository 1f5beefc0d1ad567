import { findWordCut } from "./graphemes";

/** Below this limit (UTF-16 units) the numbers would take up most of the room. */
const shortestNumbered = 40;

/**
 * A text as pieces of at most `limit` UTF-16 units (2 when less is asked), numbered `(1/3) ` when there are several. Cut at white
 * space, else between words, never within a visible character that is shorter than the limit. Only white space at the
 * cuts and ends is left out.
 */
export function splitText(text: string, limit: number): string[] {
  if (text.length <= limit) return [text];
  if (limit < shortestNumbered) return cutText(text, Math.max(limit, 2));
  for (let digits = String(Math.ceil(text.length / limit)).length; ; digits += 1) {
    const pieces = cutText(text, limit - "(/) ".length - 2 * digits);
    if (String(pieces.length).length <= digits) {
      return pieces.length === 1 ? pieces : pieces.map((piece, index) => `(${index + 1}/${pieces.length}) ${piece}`);
    }
  }
}

function cutText(text: string, limit: number): string[] {
  const pieces: string[] = [];
  let rest = trimStart(text).trimEnd();
  while (rest.length > limit) {
    const cut = findBreak(rest, limit);
    pieces.push(rest.slice(0, cut).trimEnd());
    rest = trimStart(rest.slice(cut));
  }
  if (rest !== "") pieces.push(rest);
  return pieces;
}

/** White space, unless what follows it is too long for a piece of its own anyway. */
function findBreak(text: string, limit: number): number {
  let space = limit;
  while (space > 0 && !isBreakingSpace(text, space)) space -= 1;
  if (space > limit / 2) return space;
  const length = text.slice(space + 1, space + limit + 2).search(/\s/);
  const isShort = length >= 0 || text.length - space - 1 <= limit;
  return space > 0 && isShort ? space : findWordCut(text, limit);
}

/** A space that carries an accent is a visible character. */
function isBreakingSpace(text: string, index: number): boolean {
  return /^\s(?![\p{M}\p{Emoji_Modifier}\u200d])/u.test(text.slice(index, index + 3));
}

function trimStart(text: string): string {
  return text.replace(/^\s+(?![\p{M}\p{Emoji_Modifier}\u200d])/u, "");
}
