/** Ids in the two forms Genesys Cloud uses. */
import { randomBytes, randomUUID } from "node:crypto";

/** 32 hex digits, the form of message ids. */
export function newMessageId() {
  return randomBytes(16).toString("hex");
}

/** A UUID, the form of every other id. */
export function newEntityId() {
  return randomUUID();
}
