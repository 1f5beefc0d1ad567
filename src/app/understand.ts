/** Stored bodies, understood as they are today. */
import { understandCall } from "../message/inbound";
import { type Message } from "../message/message";
import { normalize } from "../message/normalize";
import type { KeptBody } from "../store/captures";

/** A stored body, understood as it is today. */
export function understand({ body, kind, source, id, integration, integrationId }: KeptBody): Message {
  const parsed = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  const ids = { id, integration, integrationId };
  return source === null ? normalize(parsed, ids) : understandCall(kind, ids, parsed);
}
