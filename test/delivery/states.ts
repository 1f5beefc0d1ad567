/** States, rules and circumstances for decisions, and what the store makes of a change. */
import type { Rules } from "../../src/delivery/rules";
import type { Circumstances } from "../../src/delivery/status";
import type { Change } from "../../src/store/change";
import type { MessageState } from "../../src/store/states";

export const start = Date.UTC(2026, 8, 14, 8);

export const rules: Rules = {
  confirms: "delivered",
  retry: { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 },
  repeatable: true,
  undeliveredAfterMs: 60_000,
  receipts: "all",
  acceptedCountsAsDelivered: false,
  onUnconfirmed: "none",
  organisation: "main",
};

export const fallback = { policy: "missed", never: new Set(["RecipientOptedOut"]), graceMs: 5000, digest: true };

export const given = (changes: Partial<Rules> = {}, now = start): Circumstances => ({
  now,
  rules: { ...rules, ...changes },
  random: () => 0.5,
  newId: () => "new-id",
});

export function stateOf(
  delivery: Partial<MessageState["delivery"]> = {},
  message: Partial<Omit<MessageState, "delivery">> = {},
): MessageState {
  return {
    seq: 1,
    id: "message-1",
    integration: "harborline-chat",
    integrationId: "integration-1",
    source: null,
    genesysMessageId: "genesys-1",
    kind: "text",
    recipientId: "mira",
    recipientIdType: "Opaque",
    receivedAt: start,
    fate: "open",
    reason: null,
    notice: null,
    receipt: null,
    ...message,
    delivery: {
      seq: 7,
      id: "delivery-1",
      channel: "chat",
      lane: "lane-1",
      trigger: "first",
      status: "pending",
      attempts: 0,
      partsSent: 0,
      firstAttemptAt: null,
      attemptAt: null,
      acceptedAt: null,
      providerMessageId: null,
      reason: null,
      ...delivery,
    },
  };
}

/** The state once a change is written, as far as later decisions see it. */
export function applyChange(state: MessageState, change: Change | undefined): MessageState {
  if (change === undefined) return state;
  return {
    ...state,
    fate: change.message?.fate ?? state.fate,
    reason: change.message?.reason === undefined ? state.reason : change.message.reason,
    receipt: state.receipt ?? (change.receipt ? { status: change.receipt.status, state: "queued" } : null),
    notice: change.notice === undefined ? state.notice : { seq: 1, status: "waiting" },
    delivery: {
      ...state.delivery,
      ...change.delivery,
      lane: change.lane === "release" ? null : state.delivery.lane,
    },
  };
}
