/** What of a webhook body nothing here reads: fields that Genesys Cloud may have added. Pure. */
import { listUnshown } from "./elements";
import type { Message } from "./message";
import { readObject, type Wire } from "./wire";

/** SDK `ConversationNormalizedMessage`, and what webhooks carry beyond it. */
const ofBody = [
  ...["id", "channel", "type", "text", "content", "events", "status", "reasons", "originatingEntity", "isFinalReceipt"],
  ...["direction", "relatedMessages", "metadata", "enrichment", "byoSmsIntegrationId", "conversationId", "template"],
  "messageMetadata",
];
/** SDK `ConversationMessagingChannel`. */
const ofChannel = [
  ...["id", "platform", "type", "messageId", "to", "from", "time", "dateModified", "dateDeleted", "publicMetadata"],
  "metadata",
];
/** SDK `ConversationMessagingToRecipient` and `…FromRecipient`. */
const ofPerson = [
  ...["nickname", "nickName", "id", "idType", "image", "firstName", "lastName", "email", "externalContactId"],
  ...["externalContactDivisionId", "additionalIds"],
];

/** Paths of fields that no SDK model and no capture has: `channel.mood`. They stay in `raw`. */
export function listUnknownFields(body: Record<string, unknown>): string[] {
  const channel = readObject(body.channel);
  return [
    ...unknownOf(body, ofBody, ""),
    ...unknownOf(channel, ofChannel, "channel."),
    ...unknownOf(readObject(channel?.to), ofPerson, "channel.to."),
    ...unknownOf(readObject(channel?.from), ofPerson, "channel.from."),
  ];
}

/** Content types of which nothing can be shown. */
export function listUnknownElements({ elements = [] }: Message): string[] {
  return [...new Set(listUnshown(elements))];
}

function unknownOf(object: Wire | undefined, known: readonly string[], prefix: string): string[] {
  return Object.keys(object ?? {})
    .filter((name) => !known.includes(name))
    .map((name) => prefix + name);
}
