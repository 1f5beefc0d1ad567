/** Everything the simulated organisation knows, as it is also kept on disk. */
import { z } from "zod";

const attributes = z.record(z.string(), z.string());
const id = z.string().min(1);

/** An Open Messaging integration. */
export const integration = z.object({
  id,
  name: z.string(),
  webhookUrl: z.string(),
  secret: z.string(),
  webhookHeaders: attributes,
  /** Typing events, per direction as Genesys Cloud names them. */
  typing: z.object({ inbound: z.boolean(), outbound: z.boolean() }),
  supportedContentId: id.optional(),
  messagingSettingId: id.optional(),
  createStatus: z.enum(["Initiated", "Completed", "Error"]),
  dateCreated: z.string(),
  dateModified: z.string().optional(),
  identityResolution: z.object({ resolveIdentities: z.boolean(), externalSourceId: id.optional() }).optional(),
  flowId: id.optional(),
});
export type Integration = z.infer<typeof integration>;

/** One communication of a participant; a transfer or a return starts another. */
const leg = z.object({
  id,
  state: z.enum(["connected", "disconnected"]),
  connectedTime: z.string(),
  disconnectedTime: z.string().optional(),
  disconnectType: z.string().optional(),
  messageIds: z.array(id),
});
export type Leg = z.infer<typeof leg>;

const participant = z.object({
  id,
  purpose: z.enum(["customer", "external", "agent", "bot", "workflow", "acd", "api"]),
  name: z.string().optional(),
  startTime: z.string(),
  endTime: z.string().optional(),
  userId: id.optional(),
  externalContactId: id.optional(),
  attributes,
  legs: z.array(leg),
});
export type Participant = z.infer<typeof participant>;

/** Who is at the other end: `id` exactly as the connector gave it. */
const customer = z.looseObject({ id: z.string(), idType: z.string().optional() });
export type Customer = z.infer<typeof customer>;

const messengerType = z.enum(["open", "sms", "whatsapp", "webmessaging", "email"]);

const conversation = z.object({
  id,
  /** Integration id, phone number or e-mail address on our side. */
  address: z.string(),
  messengerType,
  direction: z.enum(["inbound", "outbound"]),
  customer,
  startTime: z.string(),
  endTime: z.string().optional(),
  participants: z.array(participant),
});
export type Conversation = z.infer<typeof conversation>;

const errorInfo = z.looseObject({ message: z.string(), code: z.string() });

/** Values of `messageStatus`, exactly as the API spells them. */
export const messageStatus = z.enum([
  "queued",
  "sent",
  "failed",
  "received",
  "delivery-success",
  "delivery-failed",
  "read",
  "removed",
  "published",
]);
export type MessageStatus = z.infer<typeof messageStatus>;

const storedReceipt = z.object({
  messageId: id,
  integrationId: id,
  receivedAt: z.string(),
  status: z.string(),
  reasons: z.array(z.object({ code: z.string().optional(), message: z.string() })).optional(),
  isFinalReceipt: z.boolean().optional(),
  /** As the API shows it in `normalizedReceipts`. */
  normalized: z.looseObject({}),
});
export type StoredReceipt = z.infer<typeof storedReceipt>;

const storedMessage = z.object({
  id,
  conversationId: id,
  direction: z.enum(["inbound", "outbound"]),
  messengerType,
  status: messageStatus,
  timestamp: z.string(),
  fromAddress: z.string(),
  toAddress: z.string(),
  normalized: z.looseObject({ type: z.string() }),
  receipts: z.array(storedReceipt),
  errorInfo: errorInfo.optional(),
});
export type StoredMessage = z.infer<typeof storedMessage>;

const phone = z.looseObject({ e164: z.string().optional(), display: z.string().optional() });

export const identifierTypes = [
  "SocialLine",
  "SocialFacebook",
  "SocialTwitter",
  "SocialWhatsapp",
  "SocialInstagram",
  "AppleOpaqueId",
  "Email",
  "Phone",
  "Cookie",
  "ExternalId",
] as const;
export const contactIdentifier = z.looseObject({
  type: z.enum(identifierTypes),
  value: z.string().min(1),
  dateCreated: z.string().optional(),
  externalSource: z.looseObject({ id: id.optional(), name: z.string().optional() }).optional(),
});
export type ContactIdentifier = z.infer<typeof contactIdentifier>;

/** Fields of a contact that people fill in; unknown ones are kept. */
export const contactFields = z.looseObject({
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  personalEmail: z.string().optional(),
  workEmail: z.string().optional(),
  otherEmail: z.string().optional(),
  cellPhone: phone.optional(),
  homePhone: phone.optional(),
  workPhone: phone.optional(),
  otherPhone: phone.optional(),
});
export type ContactFields = z.infer<typeof contactFields>;

export const contactTypes = ["Ephemeral", "Identified", "Curated"] as const;
const contact = z.object({
  id,
  type: z.enum(contactTypes),
  fields: contactFields,
  identifiers: z.array(contactIdentifier),
  createDate: z.string(),
  modifyDate: z.string(),
  /** Set on a contact that was merged into another: the one that holds everything now. */
  canonicalId: id.optional(),
  mergedToId: id.optional(),
  mergedFrom: z.array(id),
  mergeSet: z.array(id),
});
export type Contact = z.infer<typeof contact>;

/** Objects the simulator keeps as they were given: canned responses, triggers, profiles, settings. */
const resource = z.looseObject({ id });
export type Resource = z.infer<typeof resource>;

const media = z.object({
  id,
  filename: z.string(),
  mime: z.string(),
  bytesBase64: z.string(),
});
export type Media = z.infer<typeof media>;

/** An agentless e-mail that was sent, with what it said. */
const sentEmail = z.looseObject({ id, conversationId: id, dateCreated: z.string() });
export type SentEmail = z.infer<typeof sentEmail>;

/** The organisation as it is kept on disk. */
export const snapshot = z.object({
  version: z.literal(1),
  integrations: z.array(integration),
  conversations: z.array(conversation),
  messages: z.array(storedMessage),
  contacts: z.array(contact),
  responses: z.array(resource),
  triggers: z.array(resource),
  supportedContents: z.array(resource),
  messagingSettings: z.array(resource),
  media: z.array(media),
  emails: z.array(sentEmail),
});
export type Snapshot = z.infer<typeof snapshot>;

type Collections = Omit<Snapshot, "version">;
/** The same organisation in memory: every collection by id. */
export type State = { [Name in keyof Collections]: Map<string, Collections[Name][number]> };

const collectionNames = Object.keys(snapshot.shape).filter((name) => name !== "version") as (keyof Collections)[];

export function createState(): State {
  return Object.fromEntries(collectionNames.map((name) => [name, new Map()])) as unknown as State;
}

/** Replaces everything in a state by what a snapshot holds. */
export function loadSnapshot(state: State, from: Snapshot) {
  clearState(state);
  for (const name of collectionNames) {
    const collection = state[name] as Map<string, { id: string }>;
    for (const entry of from[name]) collection.set(entry.id, entry);
  }
}

export function clearState(state: State) {
  for (const name of collectionNames) state[name].clear();
}

export function takeSnapshot(state: State): Snapshot {
  const lists = Object.fromEntries(collectionNames.map((name) => [name, [...state[name].values()]]));
  return { version: 1, ...lists } as Snapshot;
}
