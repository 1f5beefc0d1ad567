/** Routes of the simulator itself, for people and scripts: `/_faults`, `/_state`, `/_say`, `/_webchats`, `/_events`, `/_disconnect`, `/_reset`. */
import { z } from "zod";
import { badRequest, notFound, parseBody } from "./api-error";
import type { ConversationEnd } from "./conversation-end";
import type { Conversations } from "./conversations";
import { type Faults, fault } from "./faults";
import type { Outbound } from "./outbound";
import { utterance } from "./outbound-message";
import type { RequestLog } from "./request-log";
import type { Call, Route } from "./route";
import { type State, takeSnapshot } from "./state";
import { topics } from "./trigger-topics";
import type { Triggers } from "./triggers";
import type { WebChats } from "./web-chats";

export interface ControlsDeps {
  state: State;
  faults: Faults;
  outbound: Outbound;
  conversations: Conversations;
  conversationEnd: ConversationEnd;
  webChats: WebChats;
  triggers: Pick<Triggers, "raise">;
  log: RequestLog;
  reset(): void;
}

/** Who speaks to whom; what they say stands beside it: `{ "to": "crew-7781", "kind": "text", "text": "Hello" }`. */
const sayTarget = z.looseObject({
  /** The customer's id. */
  to: z.string().optional(),
  conversationId: z.string().optional(),
  integrationId: z.string().optional(),
  by: z.enum(["agent", "bot", "workflow"]).default("agent"),
  name: z.string().optional(),
});
const spoken = z.looseObject({ text: z.string().min(1) });
const webChat = z.strictObject({ contactId: z.string().optional(), deploymentId: z.string().optional() });
const browser = z.strictObject({ conversationId: z.string(), browser: z.enum(["gone", "back"]) });
const raised = z.strictObject({ topic: z.enum(topics), event: z.record(z.string(), z.unknown()) });
const disconnected = z.strictObject({
  conversationId: z.string(),
  by: z.enum(["customer", "agent", "system"]).default("customer"),
});

export function createControlRoutes(deps: ControlsDeps): Route[] {
  const { faults, log } = deps;

  function addFault(call: Call) {
    return { status: 201, body: { id: faults.add(parseBody(fault, call.body)) } };
  }

  function clearFault(call: Call) {
    if (!faults.clear(call.param("faultId"))) throw notFound();
    return { status: 204 };
  }

  /** Everything there is, without secrets and without the bytes of media. */
  function showState() {
    const { integrations, media, ...rest } = takeSnapshot(deps.state);
    return {
      status: 200,
      body: {
        ...rest,
        integrations: integrations.map(({ secret: _secret, ...shown }) => shown),
        media: media.map(({ bytesBase64: _bytes, ...shown }) => shown),
        faults: faults.list(),
        requests: { byRoute: log.countByRoute(), busiestMinute: log.busiestMinute({ admittedOnly: true }) },
      },
    };
  }

  /** Answers when the webhook has ended, with its attempts; `?wait=false` answers at once. */
  async function say(call: Call) {
    const { to, conversationId, integrationId, by, name, ...what } = parseBody(sayTarget, call.body);
    if (
      conversationId !== undefined &&
      deps.state.conversations.get(conversationId)?.messengerType === "webmessaging"
    ) {
      const { text } = parseBody(spoken, what);
      return { status: 200, body: deps.webChats.say(conversationId, text, { purpose: by, name }) };
    }
    const said = deps.outbound.say(
      { recipient: to, conversationId, integrationId },
      parseBody(utterance, { kind: "text", ...what }),
      { purpose: by, name },
    );
    const { messageId, conversationId: where } = said;
    if (call.query.get("wait") === "false") return { status: 202, body: { messageId, conversationId: where } };
    return { status: 200, body: { messageId, conversationId: where, webhook: await said.sent } };
  }

  function raise(call: Call) {
    const { topic, event } = parseBody(raised, call.body);
    deps.triggers.raise(topic, event);
    return { status: 202 };
  }

  function disconnect(call: Call) {
    const { conversationId, by } = parseBody(disconnected, call.body);
    const conversation = deps.conversations.get(conversationId);
    if (conversation.endTime !== undefined) throw badRequest("The conversation has ended already.");
    deps.conversationEnd.end(conversation, by);
    return { status: 204 };
  }

  function startWebChat(call: Call) {
    return { status: 201, body: deps.webChats.start(parseBody(webChat, call.body ?? {})) };
  }

  function changeBrowser(call: Call) {
    const { conversationId, browser: now } = parseBody(browser, call.body);
    if (now === "gone") deps.webChats.leave(conversationId);
    else deps.webChats.comeBack(conversationId);
    return { status: 204 };
  }

  const controls: Omit<Route, "open">[] = [
    { method: "GET", path: "/_faults", handle: () => ({ status: 200, body: faults.list() }) },
    { method: "POST", path: "/_faults", handle: addFault },
    { method: "DELETE", path: "/_faults", handle: () => (faults.clear(), { status: 204 }) },
    { method: "DELETE", path: "/_faults/{faultId}", handle: clearFault },
    { method: "GET", path: "/_state", handle: showState },
    { method: "POST", path: "/_say", handle: say },
    { method: "POST", path: "/_webchats", handle: startWebChat },
    { method: "PATCH", path: "/_webchats", handle: changeBrowser },
    { method: "POST", path: "/_events", handle: raise },
    { method: "POST", path: "/_disconnect", handle: disconnect },
    { method: "POST", path: "/_reset", handle: () => (deps.reset(), { status: 204 }) },
  ];
  return controls.map((control) => ({ ...control, open: true }));
}
