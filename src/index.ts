/**
 * For programs that embed parts of the bridge: the webhook listener, the signatures, what bodies mean, and the shape of channels. Nothing
 * here opens a store or calls Genesys Cloud.
 */
export type {
  Accepts,
  Channel,
  NoticeContent,
  OutboundDelivery,
  Outcome,
  RetryRule,
} from "./channels/channel";
export { BridgeError, type ErrorCode, StoreUnavailable } from "./errors";
export {
  type AdapterBodyKind,
  type AdapterReceipt,
  adapterBodies,
  adapterEvent,
  adapterFailure,
  adapterMessage,
  adapterReceipt,
  adapterResponse,
} from "./message/adapter";
export { degrade, type Part, writePart } from "./message/degrade";
export { acceptance, deliveryBody, refusal } from "./message/delivery-body";
export { dedupKey, direction } from "./message/identity";
export {
  type Attachment,
  attachment,
  type Element,
  element,
  type Message,
  type MessageKind,
  message,
  type Reason,
  type ReasonCode,
  reason,
  reasonCodes,
  type Template,
  template,
} from "./message/message";
export { normalize } from "./message/normalize";
export { messageJsonSchema } from "./message/schema";
export { summarize } from "./message/summary";
export {
  decodeStandardWebhooksSecret,
  type StandardWebhookHeaders,
  type StandardWebhookVerdict,
  signStandardWebhook,
  verifyStandardWebhook,
} from "./standard-webhooks";
export { type Diagnosis, diagnoseSignature, type Flaw, type NamedSecret } from "./webhook/diagnose";
export {
  createWebhookListener,
  type ListenedIntegration,
  type ReceivedWebhook,
  type WebhookListenerOptions,
} from "./webhook/listener";
export { signatureHeader, signBody, verifySignature } from "./webhook/signature";
