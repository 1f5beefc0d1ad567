/** What readers in other languages can follow; JSON.stringify itself gives up at some thousands. */
const deepest = 500;

/**
 * A message, or an object around one, as JSON. A body nested so deep that JSON.stringify runs out of stack is written without what lies below 500
 * levels: the message goes out, and its capture has the body to the last byte.
 */
export function writeJson(value: unknown, indent?: number): string {
  try {
    return JSON.stringify(value, null, indent);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(prune(value, deepest), null, indent);
  }
}

function prune(value: unknown, levels: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((item) => prune(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, prune(item, levels - 1)]));
}
