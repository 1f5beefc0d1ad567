/** `POST /conversations/messages/agentless`: messages nobody types. An `open` one leaves by our own webhook. */
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import type { Contacts } from "./contacts";
import { messageUri } from "./conversation-views";
import type { Conversations } from "./conversations";
import { newMessageId } from "./ids";
import type { Integrations } from "./integrations";
import { longestText, type Outbound } from "./outbound";
import { fillResponse, type Responses } from "./responses";
import type { Call, Route } from "./route";
import type { State, StoredMessage } from "./state";

/** Longest text of an SMS, in characters. */
const longestSms = 765;

const wrongAddress = [{ errorCode: "field.invalid", fieldName: "toAddress" }];

const parameters = z.array(z.looseObject({ id: z.string(), value: z.string() })).optional();
const agentlessRequest = z.looseObject({
  fromAddress: z.string().min(1),
  toAddress: z.string().min(1).nullish(),
  externalContactId: z.string().nullish(),
  toAddressMessengerType: z.enum(["sms", "whatsapp", "open"]),
  textBody: z.string().min(1).nullish(),
  messagingTemplate: z
    .looseObject({
      responseId: z.string(),
      parameters,
      headerParameters: parameters,
      bodyParameters: parameters,
      buttonUrlParameters: parameters,
    })
    .nullish(),
  useExistingActiveConversation: z.boolean().nullish(),
});
type AgentlessRequest = z.infer<typeof agentlessRequest>;

export interface AgentlessDeps {
  state: State;
  conversations: Conversations;
  integrations: Integrations;
  contacts: Contacts;
  responses: Responses;
  outbound: Pick<Outbound, "say">;
  now: () => number;
}

export function createAgentlessRoutes(deps: AgentlessDeps): Route[] {
  const { conversations, integrations, contacts } = deps;

  function send(call: Call) {
    const request = parseBody(agentlessRequest, call.body);
    const text = readText(request);
    const toAddress = request.toAddress ?? addressOfContact(request);
    checkAddress(request, toAddress);
    const running = conversations.findConnected(request.fromAddress, toAddress);
    const joins = request.useExistingActiveConversation ?? false;
    if (running && !joins) throw badRequest("An active conversation is already in progress.");

    const sent =
      request.toAddressMessengerType === "open"
        ? sendOpen(request.fromAddress, toAddress, text)
        : sendElsewhere(request, toAddress, text);
    return {
      status: 202,
      body: {
        id: sent.messageId,
        conversationId: sent.conversationId,
        fromAddress: request.fromAddress,
        toAddress,
        messengerType: request.toAddressMessengerType,
        useExistingActiveConversation: joins,
        timestamp: new Date(deps.now()).toISOString(),
        selfUri: messageUri(sent.conversationId, sent.messageId),
      },
    };
  }

  function sendOpen(integrationId: string, recipient: string, text: string) {
    return deps.outbound.say({ integrationId, recipient }, text, { purpose: "api" });
  }

  /**
   * SMS and WhatsApp leave for a carrier outside this simulator; the message stays `sent` until a test says more. Nobody is there to talk
   * with, so a conversation that begins with it ends with it.
   */
  function sendElsewhere({ fromAddress, toAddressMessengerType }: AgentlessRequest, toAddress: string, text: string) {
    const running = conversations.findConnected(fromAddress, toAddress);
    const conversation =
      running ??
      conversations.start({
        address: fromAddress,
        messengerType: toAddressMessengerType,
        direction: "outbound",
        customer: { id: toAddress },
      });
    const message: StoredMessage = {
      id: newMessageId(),
      conversationId: conversation.id,
      direction: "outbound",
      messengerType: toAddressMessengerType,
      status: "sent",
      timestamp: new Date(deps.now()).toISOString(),
      fromAddress,
      toAddress,
      normalized: { type: "Text", text, direction: "Outbound" },
      receipts: [],
    };
    conversations.addMessage(conversations.joinSpeaker(conversation, { purpose: "api" }), message);
    if (running === undefined) conversations.disconnect(conversation, "system");
    return { messageId: message.id, conversationId: conversation.id };
  }

  /** Text as given, or the canned response with its marks filled. `open` carries text only. */
  function readText({ textBody, messagingTemplate, toAddressMessengerType }: AgentlessRequest) {
    if (Boolean(textBody) === Boolean(messagingTemplate)) {
      throw badRequest("Exactly one of textBody and messagingTemplate is needed.");
    }
    if (messagingTemplate && toAddressMessengerType === "open") {
      throw badRequest("Messaging templates are not supported for open messaging.");
    }
    const text = messagingTemplate ? fillTemplate(messagingTemplate) : (textBody ?? "");
    const longest = toAddressMessengerType === "sms" ? longestSms : longestText;
    if (text.length > longest) throw badRequest(`The text is longer than ${longest} characters.`);
    return text;
  }

  function fillTemplate(template: NonNullable<AgentlessRequest["messagingTemplate"]>) {
    const given = [
      template.parameters,
      template.headerParameters,
      template.bodyParameters,
      template.buttonUrlParameters,
    ];
    const values = given.flatMap((list) => list ?? []).map(({ id, value }) => [id, value] as const);
    return fillResponse(deps.responses.get(template.responseId), new Map(values));
  }

  function checkAddress({ toAddressMessengerType, fromAddress }: AgentlessRequest, toAddress: string) {
    if (toAddressMessengerType === "open") integrations.get(fromAddress);
    if (toAddressMessengerType === "sms" && !/^\+[1-9]\d{4,14}$/.test(toAddress)) {
      throw badRequest("An SMS address is an E.164 number with +.", wrongAddress);
    }
    if (toAddressMessengerType === "whatsapp" && !/^[1-9]\d{4,14}$/.test(toAddress)) {
      throw badRequest("A WhatsApp address is digits without +.", wrongAddress);
    }
  }

  /** With a contact in place of an address, its mobile number is used. */
  function addressOfContact({ externalContactId, toAddressMessengerType }: AgentlessRequest) {
    if (!externalContactId) throw badRequest("A toAddress or an externalContactId is needed.");
    const number = contacts.getCanonical(externalContactId).fields.cellPhone?.e164;
    if (number === undefined || toAddressMessengerType === "open")
      throw notFound("The contact has no address to send to.");
    return toAddressMessengerType === "whatsapp" ? number.slice(1) : number;
  }

  return [
    {
      method: "POST",
      path: "/api/v2/conversations/messages/agentless",
      needs: { all: ["conversation:message:create"] },
      handle: send,
    },
  ];
}
