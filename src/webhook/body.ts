/** What a webhook body must be: one JSON object. */

/** The parsed object, or what is wrong with the body. */
export function parseObject(body: Buffer): Record<string, unknown> | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    return body.length === 0
      ? "the body is empty, a JSON object is expected"
      : "the body is not JSON, a JSON object is expected";
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  const found = parsed === null ? "null" : Array.isArray(parsed) ? "an array" : `a ${typeof parsed}`;
  return `the body is ${found}, a JSON object is expected`;
}
