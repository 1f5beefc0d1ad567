/** Names of queues; apart from the statements, so that those who only plan tasks load no database. */

/** The queue whose tasks are the lanes of one channel. */
export function deliverQueue(channel: string): string {
  return `deliver:${channel}`;
}

/** The queue of typing signs of one channel. */
export function typingQueue(channel: string): string {
  return `typing:${channel}`;
}

/** Genesys Cloud's receipts for customers' messages, to be matched with them. */
export const inboundReceiptQueue = "inbound-receipts";

/** The queue of failures that the adapter of a channel is to be told. */
export function failureQueue(channel: string): string {
  return `failures:${channel}`;
}

export function failureTaskKey(messageId: string): string {
  return `failure:${messageId}`;
}

/** The road into an organisation, as a channel: no channel of the settings can have this name. */
export function inboundChannelName(organisation: string): string {
  return `genesys:${organisation}`;
}
