/** `POST /conversations/emails/agentless`, with its limits. Sent e-mail is kept for reading, not sent on. */
import { z } from "zod";
import { badRequest, notFound, parseBody, tooManyRequests } from "./api-error";
import type { Conversations } from "./conversations";
import { newEntityId } from "./ids";
import type { RateLimit } from "./rate-limit";
import type { Call, Route } from "./route";
import type { State } from "./state";

/** Bytes of the bodies together. */
const largestBody = 3_000_000;

const emailAddress = z.looseObject({
  email: z.string().regex(/^[^@\s]{1,64}@[^@\s]{1,253}$/),
  name: z.string().max(64).optional(),
});
const agentlessEmail = z.looseObject({
  senderType: z.enum(["Outbound"]),
  conversationId: z.string().nullish(),
  fromAddress: emailAddress,
  toAddresses: z.array(emailAddress).min(1).max(1),
  replyToAddress: emailAddress.nullish(),
  subject: z.string().max(400).nullish(),
  textBody: z.string().nullish(),
  htmlBody: z.string().nullish(),
});

export interface AgentlessEmailDeps {
  state: State;
  conversations: Conversations;
  /** 300 a minute over the whole organisation. */
  limit: RateLimit;
  now: () => number;
}

export function createAgentlessEmailRoutes(deps: AgentlessEmailDeps): Route[] {
  const { state, conversations } = deps;

  function send(call: Call) {
    const request = parseBody(agentlessEmail, call.body);
    const { textBody, htmlBody } = request;
    if (Buffer.byteLength(textBody ?? "") + Buffer.byteLength(htmlBody ?? "") > largestBody) {
      throw badRequest("The body is larger than 3 MB.");
    }
    const verdict = deps.limit.admit("agentless-email");
    if (!verdict.admitted) throw tooManyRequests(verdict.resetSeconds);
    const conversation = request.conversationId ? getEmail(request.conversationId) : start(request);
    const id = newEntityId();
    const email = {
      ...request,
      id,
      conversationId: conversation.id,
      dateCreated: new Date(deps.now()).toISOString(),
      selfUri: `/api/v2/conversations/emails/${conversation.id}/messages/${id}`,
    };
    state.emails.set(id, email);
    const { textBody: _text, htmlBody: _html, ...shown } = email;
    return { status: 202, body: shown };
  }

  /** Only an e-mail conversation can be written on with; a chat's id cannot be passed. */
  function getEmail(conversationId: string) {
    const conversation = conversations.get(conversationId);
    if (conversation.messengerType !== "email") throw notFound("The conversation is not an e-mail conversation.");
    return conversation;
  }

  function start({ fromAddress, toAddresses }: z.infer<typeof agentlessEmail>) {
    return conversations.start({
      address: fromAddress.email,
      messengerType: "email",
      direction: "outbound",
      customer: { id: toAddresses[0]?.email ?? "" },
    });
  }

  return [
    {
      method: "POST",
      path: "/api/v2/conversations/emails/agentless",
      needs: { any: ["conversation:email:create", "conversation:agentlessEmail:send"] },
      handle: send,
    },
  ];
}
