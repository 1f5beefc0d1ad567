/** The customer of a conversation: how else they can be reached, and what agents see beside their name. */
import type { GenesysAnswer } from "./answer";
import type { GenesysClient } from "./client";
import { type Contact, createContacts } from "./contacts";
import { createConversations } from "./conversations";

/** The best first. Phone numbers as Genesys Cloud keeps them: E.164. */
export interface ContactAddresses {
  emails: string[];
  phones: string[];
}

/** Each call is a few requests of the priority of look-ups. */
export function createCustomers(client: Pick<GenesysClient, "ask">) {
  const conversations = createConversations(client);
  const contacts = createContacts(client);

  /**
   * The addresses of the external contact that belongs to the conversation's customer, or else to the customer's own id; none when
   * there is no such contact.
   */
  async function findAddresses(customer: {
    conversationId: string | null;
    recipient: { id: string; idType: string };
  }): Promise<GenesysAnswer<ContactAddresses>> {
    const attached = await findAttachedContact(customer.conversationId);
    if (attached.status === "later") return attached;
    if (attached.status === "done" && attached.value !== null)
      return { ...attached, value: listAddresses(attached.value) };
    const type = identifierType(customer.recipient.idType);
    if (type === undefined) return { status: "done", answer: attached.answer, value: nowhere };
    const known = await contacts.lookUpContact({ type, value: customer.recipient.id });
    if (known.status === "later") return known;
    const contact = known.status === "done" ? known.value : null;
    return { status: "done", answer: known.answer, value: contact === null ? nowhere : listAddresses(contact) };
  }

  async function findAttachedContact(conversationId: string | null): Promise<GenesysAnswer<Contact | null>> {
    if (conversationId === null) return { status: "done", answer: "no conversation", value: null };
    const found = await conversations.readMessageConversation(conversationId);
    if (found.status !== "done") return found;
    const contactId = found.value.customer?.externalContactId;
    return contactId === undefined ? { ...found, value: null } : contacts.getContact(contactId);
  }

  /** Adds attributes to the customer's participant, also when the conversation has ended. */
  async function showAttributes(conversationId: string, attributes: Record<string, string>): Promise<GenesysAnswer> {
    const found = await conversations.readMessageConversation(conversationId);
    if (found.status !== "done") return found;
    const participantId = found.value.customer?.participantId;
    if (participantId === undefined || participantId === "")
      return { ...found, value: undefined, answer: "no customer" };
    return conversations.writeAttributes(conversationId, participantId, attributes);
  }

  return { findAddresses, showAttributes };
}
export type Customers = ReturnType<typeof createCustomers>;

const nowhere: ContactAddresses = { emails: [], phones: [] };

function listAddresses(contact: Contact): ContactAddresses {
  const { personalEmail, workEmail, otherEmail, cellPhone, homePhone, workPhone, otherPhone } = contact;
  return {
    emails: [personalEmail, workEmail, otherEmail].filter((one) => one !== undefined),
    phones: [cellPhone, homePhone, workPhone, otherPhone].flatMap((phone) =>
      phone?.e164 === undefined || phone.acceptsSMS === false ? [] : [phone.e164],
    ),
  };
}

function identifierType(idType: string): "Email" | "Phone" | undefined {
  const known = { email: "Email", phone: "Phone" } as const;
  return known[idType.toLowerCase() as keyof typeof known];
}
