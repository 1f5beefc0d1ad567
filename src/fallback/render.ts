/** Missed messages -> the text of a notice. Liquid, strict and bounded; the default wording reveals no message text. */
import { Liquid } from "liquidjs";

export interface Wording {
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  sms?: string | undefined;
}

/** What a template may use. */
export interface NoticeFacts {
  /** How many messages were missed. */
  count: number;
  /** Who wrote them: the integration's name for customers, or the sender's nickname. */
  from: string;
  /** Where to read them; absent when none is configured. */
  returnUrl?: string | undefined;
  /** When the first and the last of them were sent, ISO 8601. */
  firstAt: string;
  lastAt: string;
}

const defaultWording: Required<Wording> = {
  subject:
    "{% if count == 1 %}You have a new message{% else %}You have {{ count }} new messages{% endif %} from {{ from }}",
  text: `Hello,

{% if count == 1 %}a message{% else %}{{ count }} messages{% endif %} from {{ from }} could not be shown to you in the chat.
{% if returnUrl %}
Read on here: {{ returnUrl }}
{% else %}
Open the chat to read on.
{% endif %}
This e-mail was sent automatically, because you were not online.
`,
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{{ from }}</title></head>
<body style="margin:0;padding:24px;font-family:system-ui,sans-serif;line-height:1.5">
<p>Hello,</p>
<p>{% if count == 1 %}a message{% else %}{{ count }} messages{% endif %} from <strong>{{ from }}</strong> could not be shown to you in the chat.</p>
{% if returnUrl %}<p><a href="{{ returnUrl }}" style="display:inline-block;padding:10px 18px;border:1px solid currentColor;border-radius:6px;text-decoration:none">Read on</a></p>
{% else %}<p>Open the chat to read on.</p>
{% endif %}<p><small>This e-mail was sent automatically, because you were not online.</small></p>
</body></html>
`,
  sms: "{{ from }}: {% if count == 1 %}you have a new message{% else %}you have {{ count }} new messages{% endif %}.{% if returnUrl %} {{ returnUrl }}{% endif %}",
};

/** Templates come from the settings: they read no files, call no code and stop when they grow. */
const limits = { parseLimit: 100_000, renderLimit: 200, memoryLimit: 1_000_000 };
const strict = { ownPropertyOnly: true, strictVariables: true, strictFilters: true, templates: {}, ...limits };
const plain = new Liquid(strict);
const escaping = new Liquid({ ...strict, outputEscape: "escape" });

/** The wording in the recipient's language, else English, else the default. Throws what Liquid finds wrong in a template. */
export function renderNotice(
  facts: NoticeFacts,
  templates: Readonly<Record<string, Wording>>,
  language = "en",
): { subject: string; text: string; html: string; sms: string } {
  const own = templates[language] ?? templates[language.split("-")[0] ?? "en"] ?? templates.en ?? {};
  const given = { ...facts, returnUrl: facts.returnUrl ?? "" };
  const scope = { ...given, returnUrl: given.returnUrl === "" ? false : given.returnUrl };
  const render = (engine: Liquid, template: string) => engine.parseAndRenderSync(template, scope) as string;
  return {
    subject: oneLine(render(plain, own.subject ?? defaultWording.subject)),
    text: render(plain, own.text ?? defaultWording.text),
    html: render(escaping, own.html ?? (own.text === undefined ? defaultWording.html : asHtml(own.text))),
    sms: oneLine(render(plain, own.sms ?? defaultWording.sms)),
  };
}

/** A text template shown as HTML; its placeholders are escaped when rendered. */
function asHtml(text: string): string {
  return `<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head><body style="font-family:system-ui,sans-serif;white-space:pre-line">${text}</body></html>`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
