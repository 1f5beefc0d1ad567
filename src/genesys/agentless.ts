/** Messages and e-mails that Genesys Cloud sends for us, without an agent. */
import { z } from "zod";
import { codeOfIssue, type GenesysAnswer, refuse } from "./answer";
import type { Priority } from "./budget";
import type { GenesysClient } from "./client";

const text = z.string().min(1);
const parameters = z.array(z.strictObject({ id: text, value: z.string() })).optional();

/** Values for the variables of a canned response; `responseId` names it. */
const template = z.strictObject({
  responseId: text,
  headerParameters: parameters,
  bodyParameters: parameters,
  buttonUrlParameters: parameters,
});

const shared = {
  /** The contact whose address Genesys Cloud is to take when `to` is absent. */
  externalContactId: text.optional(),
  /** Joins a connected conversation between the two addresses instead of being refused. */
  useExistingActiveConversation: z.boolean().optional(),
};

/** What each messenger takes; lengths are Genesys Cloud's. */
export const agentlessMessage = z
  .discriminatedUnion("messenger", [
    z.strictObject({
      messenger: z.literal("sms"),
      /** A number provisioned in Genesys Cloud. */
      from: text,
      to: z.e164().optional(),
      text: text.max(765),
      ...shared,
    }),
    z.strictObject({
      messenger: z.literal("whatsapp"),
      /** Id of the WhatsApp integration. */
      from: text,
      /** Digits without `+`. */
      to: z
        .string()
        .regex(/^\d{5,15}$/)
        .optional(),
      text: text.max(2_000).optional(),
      template: template.optional(),
      ...shared,
    }),
    z.strictObject({
      messenger: z.literal("open"),
      /** Id of the open-messaging integration, whose webhook the message comes back through. */
      from: text,
      to: text.optional(),
      text: text.max(2_000),
      ...shared,
    }),
  ])
  .refine((message) => message.to !== undefined || message.externalContactId !== undefined, { path: ["to"] })
  .refine(
    (message) => message.messenger !== "whatsapp" || (message.text === undefined) !== (message.template === undefined),
    {
      path: ["template"],
    },
  );
export type AgentlessMessage = z.input<typeof agentlessMessage>;

const mailbox = z.strictObject({
  email: z.string().regex(/^[^\s@]{1,64}@[^\s@]{1,253}$/),
  name: text.max(64).optional(),
});

/** Bodies of 3 MB, as Genesys Cloud counts them. */
const mailBody = text.refine((body) => Buffer.byteLength(body) <= 3 * 1024 * 1024);

export const agentlessEmail = z
  .strictObject({
    /** Its domain has to be set up in Genesys Cloud as a campaign/agentless domain. */
    from: mailbox,
    to: mailbox,
    replyTo: mailbox.optional(),
    subject: text.max(400),
    text: mailBody.optional(),
    html: mailBody.optional(),
    /** An e-mail conversation to continue; the id of a chat is refused. */
    conversationId: text.optional(),
  })
  .refine((email) => email.text !== undefined || email.html !== undefined, { path: ["text"] });
export type AgentlessEmail = z.input<typeof agentlessEmail>;

const sent = z
  .looseObject({ id: z.string().optional().catch(undefined), conversationId: z.string().optional().catch(undefined) })
  .nullish()
  .transform((body) => ({ id: body?.id, conversationId: body?.conversationId }));
export type AgentlessSend = z.infer<typeof sent>;

/**
 * Sends without an agent. `done` means taken: whether it arrived is seen later, in the message's status. A `later` whose
 * error is `uncertain` may have been sent, and is not to be repeated blindly. Each call is one request.
 * @see https://developer.genesys.cloud/commdigital/digital/agentless-sms-notifications
 */
export function createAgentless({ ask }: Pick<GenesysClient, "ask">) {
  async function sendMessage(
    input: AgentlessMessage,
    priority: Priority = "campaign",
  ): Promise<GenesysAnswer<AgentlessSend>> {
    const operation = "agentless.message";
    const message = agentlessMessage.safeParse(input);
    if (!message.success) return refuse(operation, codeOfIssue(message.error));
    const body = writeMessage(message.data);
    return ask({
      operation,
      priority,
      send: ({ conversations }) => conversations.postConversationsMessagesAgentless(body),
      answer: sent,
    });
  }

  async function sendEmail(
    input: AgentlessEmail,
    priority: Priority = "campaign",
  ): Promise<GenesysAnswer<AgentlessSend>> {
    const operation = "agentless.email";
    const email = agentlessEmail.safeParse(input);
    if (!email.success) return refuse(operation, codeOfIssue(email.error));
    const body = writeEmail(email.data);
    return ask({
      operation,
      priority,
      send: ({ conversations }) => conversations.postConversationsEmailsAgentless(body),
      answer: sent,
    });
  }

  /** Whether the OAuth client may send messages: a body without anything in it is refused as one where it may, with 403 where not. */
  function tryMessage(): Promise<GenesysAnswer> {
    return ask({
      operation: "agentless.tryMessage",
      priority: "lookup",
      send: ({ conversations }) =>
        conversations.postConversationsMessagesAgentless({ fromAddress: "", toAddressMessengerType: "" }),
      answer: z.unknown(),
    });
  }

  /** The same for e-mails. */
  function tryEmail(): Promise<GenesysAnswer> {
    return ask({
      operation: "agentless.tryEmail",
      priority: "lookup",
      send: ({ conversations }) =>
        conversations.postConversationsEmailsAgentless({ senderType: "", fromAddress: {}, toAddresses: [] }),
      answer: z.unknown(),
    });
  }

  return { sendMessage, sendEmail, tryMessage, tryEmail };
}
export type Agentless = ReturnType<typeof createAgentless>;

function writeMessage(message: z.infer<typeof agentlessMessage>) {
  return {
    fromAddress: message.from,
    toAddress: message.to,
    toAddressMessengerType: message.messenger,
    textBody: message.text,
    messagingTemplate: message.messenger === "whatsapp" ? message.template : undefined,
    externalContactId: message.externalContactId,
    useExistingActiveConversation: message.useExistingActiveConversation,
  };
}

function writeEmail({
  from,
  to,
  replyTo,
  subject,
  text: textBody,
  html,
  conversationId,
}: z.infer<typeof agentlessEmail>) {
  return {
    senderType: "Outbound",
    fromAddress: from,
    toAddresses: [to],
    replyToAddress: replyTo,
    subject,
    textBody,
    htmlBody: html,
    conversationId,
  };
}
