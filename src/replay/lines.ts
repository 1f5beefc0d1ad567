/** Lines of a stream, one at a time, however large the whole is. */

/** `text` is undefined for a line over the limit. */
export interface TextLine {
  number: number;
  text: string | undefined;
}

/** Splits at newlines; lines without anything to see in them are left out, but counted. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<TextLine> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  function take(part: Uint8Array) {
    size += part.length;
    // Beyond the limit only the size is kept.
    if (size <= maxBytes) parts.push(part);
  }
  function end(): TextLine | undefined {
    number += 1;
    const text = size > maxBytes ? undefined : Buffer.concat(parts).toString("utf8");
    parts = [];
    size = 0;
    return text === undefined || /\S/.test(text) ? { number, text } : undefined;
  }
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(10, start); at >= 0; at = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, at));
      const line = end();
      if (line !== undefined) yield line;
      start = at + 1;
    }
    take(chunk.subarray(start));
  }
  if (size > 0) {
    const line = end();
    if (line !== undefined) yield line;
  }
}
