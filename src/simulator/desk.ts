/** `/_desk`: where a person plays the agent, in a browser without scripts. */
import { ApiError, badRequest } from "./api-error";
import type { ConversationEnd } from "./conversation-end";
import type { Conversations } from "./conversations";
import { showConversationPage, showDesk, showMessages } from "./desk-pages";
import type { Html } from "./html";
import type { Outbound } from "./outbound";
import type { Answer, Call, Route } from "./route";
import type { Conversation, State, StoredMessage } from "./state";
import type { WebChats } from "./web-chats";

export interface DeskDeps {
  state: State;
  conversations: Conversations;
  conversationEnd: ConversationEnd;
  outbound: Pick<Outbound, "say">;
  webChats: WebChats;
}

const mostListed = 100;

export function createDeskRoutes({ state, conversations, conversationEnd, outbound, webChats }: DeskDeps): Route[] {
  function list(problem?: string): Answer {
    const newestFirst = [...state.conversations.values()].toReversed().slice(0, mostListed);
    const entries = newestFirst.map((conversation) => ({ conversation, latest: messagesOf(conversation).at(-1) }));
    return toPage(showDesk(entries, [...state.integrations.values()], problem), problem === undefined ? 200 : 400);
  }

  function show(id: string, problem?: string): Answer {
    const conversation = conversations.get(id);
    const shown = showConversationPage(conversation, { browserGone: webChats.isGone(id), problem });
    return toPage(shown, problem === undefined ? 200 : 400);
  }

  function messagesOf({ participants }: Conversation): StoredMessage[] {
    return participants
      .flatMap(({ legs }) => legs.flatMap(({ messageIds }) => messageIds))
      .flatMap((id) => state.messages.get(id) ?? [])
      .toSorted((a, b) => a.timestamp.localeCompare(b.timestamp));
  }

  function start(call: Call): Answer {
    const form = readForm(call);
    const to = { recipient: form.get("to")?.trim() ?? "", integrationId: form.get("integrationId") ?? undefined };
    return attempt(
      () => toConversation(outbound.say(to, readText(form)).conversationId),
      (problem) => list(problem),
    );
  }

  function speak(call: Call): Answer {
    const id = call.param("conversationId");
    const form = readForm(call);
    const purpose = readSpeaker(form.get("by"));
    const replies = (form.get("replies") ?? "")
      .split(",")
      .map((reply) => reply.trim())
      .filter(Boolean);
    return attempt(
      () => {
        const text = readText(form);
        if (conversations.get(id).messengerType === "webmessaging") webChats.say(id, text, { purpose });
        else if (replies.length === 0) outbound.say({ conversationId: id }, text, { purpose });
        else {
          const choices = replies.map((reply) => ({ text: reply, payload: reply }));
          outbound.say({ conversationId: id }, { kind: "quickReplies", text, replies: choices }, { purpose });
        }
        return toConversation(id);
      },
      (problem) => show(id, problem),
    );
  }

  function endConversation(call: Call): Answer {
    const id = call.param("conversationId");
    conversationEnd.end(conversations.get(id), readForm(call).get("by") === "customer" ? "customer" : "agent");
    return toConversation(id);
  }

  function changeBrowser(call: Call): Answer {
    const id = call.param("conversationId");
    if (readForm(call).get("browser") === "back") webChats.comeBack(id);
    else webChats.leave(id);
    return toConversation(id);
  }

  const one = "/_desk/{conversationId}";
  const routes: Omit<Route, "open" | "raw">[] = [
    { method: "GET", path: "/_desk", handle: () => list() },
    { method: "POST", path: "/_desk", handle: start },
    { method: "POST", path: "/_desk/webchats", handle: () => toConversation(webChats.start().conversationId) },
    { method: "GET", path: one, handle: (call) => show(call.param("conversationId")) },
    { method: "POST", path: one, handle: speak },
    {
      method: "GET",
      path: `${one}/messages`,
      handle(call) {
        const conversation = conversations.get(call.param("conversationId"));
        return toPage(showMessages(conversation, messagesOf(conversation)));
      },
    },
    { method: "POST", path: `${one}/end`, handle: endConversation },
    { method: "POST", path: `${one}/browser`, handle: changeBrowser },
  ];
  return routes.map((route) => ({ ...route, open: true, raw: true }));
}

/** What the API refuses is told on the page. */
function attempt(act: () => Answer, refuse: (problem: string) => Answer): Answer {
  try {
    return act();
  } catch (error) {
    if (error instanceof ApiError && error.status !== 404) return refuse(error.message);
    throw error;
  }
}

function readText(form: URLSearchParams): string {
  const text = form.get("text")?.trim() ?? "";
  if (text === "") throw badRequest("Write something first.");
  return text;
}

function readForm({ body }: Call): URLSearchParams {
  return new URLSearchParams(Buffer.isBuffer(body) ? body.toString("utf8") : "");
}

function readSpeaker(by: string | null): "agent" | "bot" | "workflow" {
  return by === "bot" || by === "workflow" ? by : "agent";
}

/** A page may say what customers wrote: no script and nothing from elsewhere runs in it. */
function toPage({ text }: Html, status = 200): Answer {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'self'";
  const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy };
  return { status, headers, body: Buffer.from(text) };
}

/** Seen again by GET, so that reading it anew says nothing twice. */
function toConversation(id: string): Answer {
  return { status: 303, headers: { Location: `/_desk/${encodeURIComponent(id)}` } };
}
