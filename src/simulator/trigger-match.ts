/** Whether an event fits a trigger's criteria (SDK `MatchCriteria`): pure. */
import { z } from "zod";

export const matchCriteria = z.looseObject({
  jsonPath: z.string(),
  operator: z.enum([
    "GreaterThanOrEqual",
    "LessThanOrEqual",
    "Equal",
    "NotEqual",
    "LessThan",
    "GreaterThan",
    "NotIn",
    "In",
    "Contains",
    "All",
    "Exists",
    "Size",
  ]),
  value: z.unknown().optional(),
  values: z.array(z.unknown()).optional(),
});
export type MatchCriteria = z.infer<typeof matchCriteria>;

/** All criteria must fit; none at all fit every event. */
export function fitsCriteria(event: unknown, criteria: readonly MatchCriteria[]) {
  return criteria.every((criterion) => fitsCriterion(event, criterion));
}

/** One criterion; a path is `a.b[0]`, with or without `$.` in front. */
export function fitsCriterion(event: unknown, { jsonPath, operator, value, values = [] }: MatchCriteria): boolean {
  const found = readPath(event, jsonPath);
  switch (operator) {
    case "Equal":
      return isSame(found, value);
    case "NotEqual":
      return !isSame(found, value);
    case "GreaterThan":
      return compare(found, value, (difference) => difference > 0);
    case "GreaterThanOrEqual":
      return compare(found, value, (difference) => difference >= 0);
    case "LessThan":
      return compare(found, value, (difference) => difference < 0);
    case "LessThanOrEqual":
      return compare(found, value, (difference) => difference <= 0);
    case "In":
      return values.some((allowed) => isSame(found, allowed));
    case "NotIn":
      return !values.some((excluded) => isSame(found, excluded));
    case "Contains":
      return typeof found === "string"
        ? found.includes(String(value))
        : isList(found) && found.some((item) => isSame(item, value));
    case "All":
      return isList(found) && values.every((wanted) => found.some((item) => isSame(item, wanted)));
    case "Exists":
      return (found !== undefined) === (value ?? true);
    case "Size":
      return isList(found) && found.length === value;
    default:
      return operator satisfies never;
  }
}

function readPath(event: unknown, path: string): unknown {
  const names = path.replace(/^\$\.?/, "").match(/[^.[\]'"]+/g) ?? [];
  return names.reduce<unknown>(
    (value, name) =>
      typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined,
    event,
  );
}

function compare(a: unknown, b: unknown, fits: (difference: number) => boolean) {
  return typeof a === "number" && typeof b === "number" && fits(a - b);
}

function isSame(a: unknown, b: unknown) {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}
