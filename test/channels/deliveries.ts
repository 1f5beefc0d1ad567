/** Deliveries as the bridge makes them from a webhook body. */
import type { OutboundDelivery } from "../../src/channels/channel";
import type { Message } from "../../src/message/message";

type TextMessage = Extract<Message, { kind: "text" }>;

export const retry = { maxAgeSeconds: 900, firstDelayMs: 500, maxDelayMs: 30_000 };

export function textMessage(overrides: Partial<TextMessage> = {}): TextMessage {
  return { kind: "text", ...messageFields(), text: "Good morning, this is Marta.", ...overrides };
}

export function messageFields() {
  return {
    id: "0198f6a2-6f9b-7a51-9c1e-0d6f4a1b2c3d",
    genesysMessageId: "90519fdfcda199f52d6757d95d97d47f",
    integration: "harborline-chat",
    integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
    conversationId: "cf36d182-0e48-570f-8982-7083bdb6c45b",
    recipient: { id: "crew-7781@chat.harborline.example", idType: "Opaque" },
    sender: { origin: "human" as const, nickname: "Marta" },
    sentAt: "2026-09-14T08:21:07.113Z",
    raw: { type: "Text", text: "Good morning, this is Marta." },
  };
}

export function deliveryOf(
  message: Message = textMessage(),
  overrides: Partial<OutboundDelivery> = {},
): OutboundDelivery {
  return { deliveryId: "0198f6a2-7000-7000-8000-000000000001", attempt: 1, message, ...overrides };
}
