/** The pages of the agent's desk: from what there is to HTML. Pure. */
import { type Html, html } from "./html";
import type { Conversation, MessageStatus, StoredMessage } from "./state";

/** A conversation in the list. */
export interface DeskEntry {
  conversation: Conversation;
  latest: StoredMessage | undefined;
}

const statuses: Record<MessageStatus, string> = {
  queued: "on its way",
  sent: "sent",
  failed: "failed",
  received: "received",
  "delivery-success": "delivered",
  "delivery-failed": "not delivered",
  read: "read",
  removed: "removed",
  published: "published",
};

/** All conversations, the newest first, and a form that starts one. */
export function showDesk(
  entries: readonly DeskEntry[],
  integrations: readonly { id: string; name: string }[],
  problem?: string,
): Html {
  return page(
    "Agent's desk",
    html`<h1>Agent's desk</h1>
${problemOf(problem)}
<form method="post" action="/_desk">
<label>Write to a customer <input name="to" required autofocus autocapitalize="none" autocomplete="off" placeholder="crew-7781"></label>
<label>Text <input name="text" required maxlength="2000" autocomplete="off"></label>
${integrations.length < 2 ? "" : html`<label>Through <select name="integrationId">${integrations.map(({ id, name }) => html`<option value="${id}">${name}</option>`)}</select></label>`}
<button>Send</button>
</form>
<form method="post" action="/_desk/webchats"><button>Start a chat in a browser</button></form>
<h2>Conversations</h2>
${entries.length === 0 ? html`<p>None yet. A customer who writes shows up here; this list is not read anew by itself.</p>` : html`<ul class="conversations">${entries.map(showEntry)}</ul>`}`,
  );
}

function showEntry({ conversation, latest }: DeskEntry): Html {
  const { id, customer, endTime, messengerType } = conversation;
  return html`<li><a href="/_desk/${encodeURIComponent(id)}"><strong>${nameOf(conversation)}</strong> <span>${messengerType === "open" ? customer.id : messengerType}</span>
<em>${endTime === undefined ? "connected" : "ended"}</em> <span class="latest">${latest === undefined ? "" : writeOf(latest)}</span></a></li>`;
}

/** One conversation: what was said in a frame that reads itself anew, and what the agent can do below it. */
export function showConversationPage(
  conversation: Conversation,
  about: { browserGone?: boolean | undefined; problem?: string | undefined } = {},
): Html {
  const { id, messengerType, endTime } = conversation;
  const path = `/_desk/${encodeURIComponent(id)}`;
  const isOpen = endTime === undefined;
  return page(
    nameOf(conversation),
    html`<p><a href="/_desk" accesskey="d">All conversations</a></p>
<h1>${nameOf(conversation)}</h1>
<iframe src="${path}/messages" title="What was said"></iframe>
${problemOf(about.problem)}
${
  isOpen
    ? html`<form method="post" action="${path}">
<label>Say <input name="text" required maxlength="2000" autofocus autocomplete="off" enterkeyhint="send"></label>
<label>As <select name="by"><option value="agent">agent</option><option value="bot">bot</option><option value="workflow">flow</option></select></label>
<button>Send</button>
</form>
<div class="actions">
${messengerType === "open" ? html`<form method="post" action="${path}"><input type="hidden" name="replies" value="Yes, No"><input type="hidden" name="text" value="Shall I book it?"><button>Ask yes or no</button></form>` : ""}
${messengerType === "webmessaging" ? html`<form method="post" action="${path}/browser"><input type="hidden" name="browser" value="${about.browserGone ? "back" : "gone"}"><button>${about.browserGone ? "The browser comes back" : "The browser goes away"}</button></form>` : ""}
<form method="post" action="${path}/end"><input type="hidden" name="by" value="agent"><button>End as agent</button></form>
<form method="post" action="${path}/end"><input type="hidden" name="by" value="customer"><button>End as customer</button></form>
</div>`
    : html`<p>This conversation has ended.</p>`
}
<p class="fine">${id}</p>`,
  );
}

/** What was said, the newest last; reads itself anew every two seconds. */
export function showMessages(conversation: Conversation, messages: readonly StoredMessage[]): Html {
  return page(
    "Messages",
    html`<ol class="messages">${messages.map((message) => showMessage(message, conversation))}</ol>${messages.length === 0 ? html`<p class="fine">Nothing was said yet.</p>` : ""}`,
    html`<meta http-equiv="refresh" content="2"><base target="_top">`,
  );
}

function showMessage(message: StoredMessage, conversation: Conversation): Html {
  const isOurs = message.direction === "outbound";
  const failure = message.errorInfo?.messageParams;
  const why =
    typeof failure === "object" && failure !== null && "errorPayload" in failure ? String(failure.errorPayload) : "";
  const isFailed = message.status === "delivery-failed" || message.status === "failed";
  return html`<li class="${isOurs ? "ours" : "theirs"}"><p>${writeOf(message)}</p>
<small>${isOurs ? "us" : nameOf(conversation)} · <time datetime="${message.timestamp}">${message.timestamp.slice(11, 19)}</time> · <span class="${isFailed ? "bad" : ""}">${statuses[message.status]}${why === "" ? "" : `: ${why}`}</span></small></li>`;
}

function nameOf({ customer, messengerType }: Conversation): string {
  const names = [customer.firstName, customer.lastName]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" ");
  const nickname = typeof customer.nickname === "string" ? customer.nickname : "";
  return names || nickname || (messengerType === "webmessaging" ? "Visitor" : customer.id);
}

/** A message in words: its text, and what else it carries by name. */
function writeOf({ normalized }: StoredMessage): string {
  const text = typeof normalized.text === "string" ? normalized.text : "";
  const content = Array.isArray(normalized.content) ? normalized.content : [];
  const others = content.map((one: unknown) => `[${labelOf(one)}]`);
  return [text, ...others].filter(Boolean).join(" ") || "[nothing to read]";
}

/** A button's words, a file's name, or what kind of thing it is. */
function labelOf(content: unknown): string {
  const { contentType, ...parts } = content as { contentType?: unknown };
  const inner = Object.values(parts).find((part) => typeof part === "object" && part !== null) ?? {};
  const { text, title, filename } = inner as Record<string, unknown>;
  return String(
    [text, title, filename, contentType].find((one) => typeof one === "string" && one !== "") ?? "something",
  );
}

function problemOf(problem: string | undefined): Html | string {
  return problem === undefined ? "" : html`<p class="bad" role="alert">${problem}</p>`;
}

function page(title: string, body: Html, head: Html | string = ""): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${title}</title>${head}<style>${style}</style></head><body>
${body}
</body></html>`;
}

const style = html`
body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:0 1rem 2rem}
h1{font-size:1.4rem;margin:.75rem 0}h2{font-size:1.1rem}
form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.75rem 0}
label{display:grid;gap:.25rem;flex:1 1 10rem;font-size:.85rem}
label:has(select){flex:0 1 8rem}
input,select,button{font:inherit;min-height:2.75rem;padding:0 .75rem;border:1px solid;border-radius:.5rem;box-sizing:border-box;width:100%}
button{cursor:pointer;width:auto}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
iframe{box-sizing:border-box;width:100%;height:50vh;min-height:14rem;border:1px solid;border-radius:.5rem}
ul,ol{list-style:none;padding:0}
.conversations a{display:block;padding:.75rem;border:1px solid;border-radius:.5rem;margin:.5rem 0;text-decoration:none;color:inherit}
.latest{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
/* A column that grows upwards shows its newest end however often it is read anew. */
body:has(.messages){box-sizing:border-box;height:100vh;overflow:auto;display:flex;flex-direction:column-reverse;padding:0 1rem}
.messages{margin:auto 0 0}
.messages li{margin:.5rem 0;padding:.5rem .75rem;border:1px solid;border-radius:.75rem;max-width:85%;width:fit-content;overflow-wrap:anywhere}
.messages p{margin:0;white-space:pre-wrap}
.messages .ours{margin-left:auto}
.actions{display:flex;flex-wrap:wrap;gap:.5rem}.actions form{margin:0}
.bad{color:light-dark(#a40000,#ff9b9b);font-weight:600}
.fine{font-size:.8rem;opacity:.75;overflow-wrap:anywhere}
`;
