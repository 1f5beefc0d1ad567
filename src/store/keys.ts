/** Keys made of what comes from outside: short enough for an index on any engine, and never two meanings for one key. */
import { createHash } from "node:crypto";

/** Parts as one key of at most 200 characters and without control characters; longer ones become their SHA-256. */
export function keyOf(...parts: string[]): string {
  const joined = JSON.stringify(parts);
  return joined.length <= 200 ? joined : `sha256:${createHash("sha256").update(joined).digest("base64url")}`;
}

/** What customers send keeps an order of its own, whatever is on its way to them. */
export function inboundLaneOf(integration: string, customerId: string): string {
  return keyOf("inbound", integration, customerId);
}

/** Messages of one integration to one recipient are delivered in the order of storing. */
export function laneOf(integration: string, recipientId: string): string {
  return keyOf(integration, recipientId);
}
