/** The default wording of notices: how many messages, from whom, and where to read them; never what they said. */

/** Liquid templates of one language. What is left out is taken from the default wording. */
export interface Wording {
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  sms?: string | undefined;
}

const en: Required<Wording> = {
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
{% if unsubscribeUrl %}
No more e-mails of this kind: {{ unsubscribeUrl }}
{% endif %}`,
  html: page({
    heading: "{% if count == 1 %}A new message{% else %}{{ count }} new messages{% endif %}",
    said: "{% if count == 1 %}A message{% else %}{{ count }} messages{% endif %} from <strong>{{ from }}</strong> could not be shown to you in the chat.",
    readOn: "Read on",
    openChat: "Open the chat to read on.",
    why: "This e-mail was sent automatically, because you were not online.",
    unsubscribe: "No more e-mails of this kind",
  }),
  sms: "{{ from }}: {% if count == 1 %}you have a new message{% else %}you have {{ count }} new messages{% endif %}.{% if returnUrl %} {{ returnUrl }}{% endif %}",
};

const de: Required<Wording> = {
  subject: "{% if count == 1 %}Eine neue Nachricht{% else %}{{ count }} neue Nachrichten{% endif %} von {{ from }}",
  text: `Guten Tag,

{% if count == 1 %}eine Nachricht{% else %}{{ count }} Nachrichten{% endif %} von {{ from }} konnte{% if count > 1 %}n{% endif %} Ihnen im Chat nicht angezeigt werden.
{% if returnUrl %}
Hier lesen Sie weiter: {{ returnUrl }}
{% else %}
Öffnen Sie den Chat, um weiterzulesen.
{% endif %}
Diese E-Mail wurde automatisch gesendet, weil Sie nicht online waren.
{% if unsubscribeUrl %}
Keine E-Mails dieser Art mehr: {{ unsubscribeUrl }}
{% endif %}`,
  html: page({
    heading: "{% if count == 1 %}Eine neue Nachricht{% else %}{{ count }} neue Nachrichten{% endif %}",
    said: "{% if count == 1 %}Eine Nachricht{% else %}{{ count }} Nachrichten{% endif %} von <strong>{{ from }}</strong> konnte{% if count > 1 %}n{% endif %} Ihnen im Chat nicht angezeigt werden.",
    readOn: "Weiterlesen",
    openChat: "Öffnen Sie den Chat, um weiterzulesen.",
    why: "Diese E-Mail wurde automatisch gesendet, weil Sie nicht online waren.",
    unsubscribe: "Keine E-Mails dieser Art mehr",
  }),
  sms: "{{ from }}: {% if count == 1 %}Sie haben eine neue Nachricht{% else %}Sie haben {{ count }} neue Nachrichten{% endif %}.{% if returnUrl %} {{ returnUrl }}{% endif %}",
};

/** By language (ISO 639). */
export const defaultWording: Readonly<Record<string, Required<Wording>>> = { en, de };

interface Phrases {
  heading: string;
  said: string;
  readOn: string;
  openChat: string;
  why: string;
  unsubscribe: string;
}

/**
 * One card on a plain page. Mail programs that know `prefers-color-scheme` get dark colours of its own; the others show the light ones, or
 * turn them round by themselves, for which every text has a colour and a background named beside it.
 */
function page({ heading, said, readOn, openChat, why, unsubscribe }: Phrases): string {
  return `<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{ from }}</title>
<style>
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #16181d !important; }
  .card { background: #22262e !important; border-color: #3a404b !important; }
  .text { color: #eceff4 !important; }
  .small, .small a { color: #a9b1bf !important; }
  .button { background: #8ab4f8 !important; color: #10131a !important; }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="page" style="background:#f3f4f6">
<tr><td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:520px">
<tr><td class="card" style="background:#ffffff;border:1px solid #dfe3e8;border-radius:12px;padding:32px;word-break:break-word;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<h1 class="text" style="margin:0 0 16px;font-size:22px;line-height:1.3;font-weight:600;color:#1b1f27">${heading}</h1>
<p class="text" style="margin:0 0 24px;font-size:16px;line-height:1.5;color:#1b1f27">${said}</p>
{% if returnUrl %}<p style="margin:0"><a href="{{ returnUrl }}" class="button" style="display:inline-block;padding:12px 24px;border-radius:8px;background:#1a56c4;color:#ffffff;font-size:16px;font-weight:600;text-decoration:none">${readOn}</a></p>
{% else %}<p class="text" style="margin:0;font-size:16px;line-height:1.5;color:#1b1f27">${openChat}</p>
{% endif %}</td></tr>
<tr><td class="small" style="padding:16px 8px 0;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:13px;line-height:1.5;color:#5b6472">${why}{% if unsubscribeUrl %}<br><a href="{{ unsubscribeUrl }}" style="color:#5b6472">${unsubscribe}</a>{% endif %}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}
