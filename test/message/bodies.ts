import * as fc from "fast-check";
import { fixtures } from "./fixtures";

type Body = Record<string, unknown>;

const contentTypes = [
  "Attachment Notification QuickReply QuickReplyV2 Card Carousel DatePicker ListPicker Form InteractiveApplication",
  "PaymentRequest PaymentResponse Push ButtonResponse Location Text Story Reactions NotificationResponse RichLink",
  "RoadsideAssistance Mention Unknown HologramV9 quickreply CARD",
]
  .join(" ")
  .split(" ");

const unknownFields = fc.dictionary(
  fc.string().map((name) => `x-${name}`),
  fc.jsonValue(),
);

const element: fc.Arbitrary<Body> = fc
  .tuple(fc.constantFrom(...contentTypes), unknownFields, fc.jsonValue())
  .map(([contentType, more, value]) => ({
    ...more,
    contentType,
    [`${contentType[0]?.toLowerCase()}${contentType.slice(1)}`]: value,
  }));

/** A fixture's body in which some values, at any depth, are missing or of another type. */
const distorted: fc.Arbitrary<Body> = fc
  .tuple(fc.constantFrom(...fixtures), fc.infiniteStream(fc.nat(9)), fc.infiniteStream(fc.jsonValue()), unknownFields)
  .map(([{ body }, choices, values, more]) => ({ ...more, ...(distort(body, choices, values) as Body) }));

function distort(value: unknown, choices: Iterator<number>, values: Iterator<unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, item]) => {
    const choice = choices.next().value;
    if (choice === 0) return [];
    return [[name, choice === 1 ? values.next().value : distort(item, choices, values)] as const];
  });
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

export const bodies = { contentTypes, distorted, element, unknownFields };
