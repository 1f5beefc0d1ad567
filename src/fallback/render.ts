/** Missed messages -> the text of a notice. Liquid, strict and bounded. */
import { Liquid } from "liquidjs";
import { defaultWording, type Wording } from "./wording";

export type { Wording } from "./wording";

/** What a template may use. */
export interface NoticeFacts {
  /** How many messages were missed. */
  count: number;
  /** Who wrote them: the sender's nickname, or the integration's name. */
  from: string;
  /** Where to read them; false when no page is configured. */
  returnUrl: string | false;
  /** Where to say that no more are wanted; false when there is no such page, or in an SMS. */
  unsubscribeUrl: string | false;
  /** When the first and the last of them were sent, ISO 8601. */
  firstAt: string;
  lastAt: string;
  /** What they said, oldest first; empty unless the policy reveals texts. */
  messages: readonly { text: string; from: string; at: string }[];
}

export interface RenderedNotice {
  /** Of the wording that was used. */
  language: string;
  subject: string;
  text: string;
  html: string;
  sms: string;
  /** The parts whose own template failed, and what stands there instead is the default wording. */
  broken: WordingPart[];
}

export type WordingPart = keyof Wording;
export const wordingParts = ["subject", "text", "html", "sms"] as const;

/** Templates come from the settings: they read no files, call no code and stop when they grow. */
const limits = { parseLimit: 100_000, renderLimit: 200, memoryLimit: 1_000_000 };
const strict = { ownPropertyOnly: true, strictVariables: true, strictFilters: true, templates: {}, ...limits };
const plain = new Liquid(strict);
const escaping = new Liquid({ ...strict, outputEscape: "escape" });

/** What GSM and Genesys Cloud carry in one SMS of several segments. */
const longestSms = 765;

/**
 * Renders a notice in the customer's language (BCP 47) if there is wording for it, else in that of the policy, else in English. A part
 * whose template fails is replaced by the default wording: a customer is told in plain words rather than not at all.
 */
export function renderNotice(
  facts: NoticeFacts,
  templates: Readonly<Record<string, Wording>>,
  { language, fallback }: { language?: string | undefined; fallback: string },
): RenderedNotice {
  const chosen = chooseWording(templates, [language, fallback, "en"]);
  const broken: WordingPart[] = [];
  const scope = { ...facts, language: chosen.language };
  const render = (part: WordingPart): string => {
    const engine = part === "html" ? escaping : plain;
    const own = chosen.own[part];
    if (own !== undefined) {
      try {
        return engine.parseAndRenderSync(own, scope) as string;
      } catch {
        broken.push(part);
      }
    }
    return engine.parseAndRenderSync(chosen.standard[part], scope) as string;
  };
  const text = tidy(render("text"));
  // Both parts of a mail say the same: without an HTML template of its own, an own text is what the HTML shows.
  const hasOwnText = chosen.own.text !== undefined && chosen.own.html === undefined && !broken.includes("text");
  return {
    language: chosen.language,
    subject: oneLine(render("subject")),
    text,
    html: hasOwnText ? showAsHtml(text, chosen.language) : render("html"),
    sms: shorten(oneLine(render("sms"))),
    broken,
  };
}

/** What is wrong with a template, rendered for one and for many messages, with and without links; undefined: nothing. */
export function checkTemplate(part: WordingPart, template: string): string | undefined {
  const engine = part === "html" ? escaping : plain;
  try {
    const parsed = engine.parse(template);
    for (const facts of sampleFacts) engine.renderSync(parsed, { ...facts, language: "en" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? oneLine(error.message).slice(0, 200) : "it cannot be rendered";
  }
}

/** Facts to show or check a template with. */
export const sampleFacts: readonly NoticeFacts[] = [
  {
    count: 1,
    from: "Harborline Support",
    returnUrl: false,
    unsubscribeUrl: false,
    firstAt: "2026-09-14T08:00:00.000Z",
    lastAt: "2026-09-14T08:00:00.000Z",
    messages: [],
  },
  {
    count: 3,
    from: "Harborline Support",
    returnUrl: "https://chat.example/",
    unsubscribeUrl: "https://bridge.example/unsubscribe/token",
    firstAt: "2026-09-14T08:00:00.000Z",
    lastAt: "2026-09-14T08:12:30.000Z",
    messages: [
      { text: "Good morning, your order is ready.", from: "Noor", at: "2026-09-14T08:00:00.000Z" },
      { text: "You can pick it up until six.", from: "Noor", at: "2026-09-14T08:05:00.000Z" },
      { text: "Shall we keep it for you?", from: "Noor", at: "2026-09-14T08:12:30.000Z" },
    ],
  },
];

/** The operator's own wording goes first, in any of the languages; then the default in the first language that has one. */
function chooseWording(templates: Readonly<Record<string, Wording>>, languages: readonly (string | undefined)[]) {
  const wanted = languages.flatMap((one) => (one === undefined ? [] : [one.toLowerCase(), base(one)]));
  const named = new Map(Object.entries(templates).map(([name, wording]) => [name.toLowerCase(), { name, wording }]));
  const found = wanted.map((one) => named.get(one)).find((one) => one !== undefined);
  const standardName =
    (found === undefined ? wanted : [base(found.name), "en"]).find((one) => Object.hasOwn(defaultWording, one)) ?? "en";
  const standard = defaultWording[standardName] ?? (defaultWording.en as Required<Wording>);
  return { own: found?.wording ?? {}, standard, language: found?.name ?? standardName };
}

function base(language: string): string {
  return (language.split(/[-_]/)[0] ?? language).toLowerCase();
}

/** A text as a plain page, its links to be clicked. */
function showAsHtml(text: string, language: string): string {
  const shown = escapeHtml(text.trim()).replace(/https?:\/\/[^\s<>]*[^\s<>.,;:!?)]/g, '<a href="$&">$&</a>');
  return `<!doctype html>
<html lang="${escapeHtml(language)}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>
<body style="font-family:system-ui,sans-serif;line-height:1.5;white-space:pre-line">${shown}</body></html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** Tags of Liquid leave their empty lines behind. */
function tidy(text: string): string {
  return `${text.replace(/\n{3,}/g, "\n\n").trim()}\n`;
}

function shorten(text: string): string {
  const letters = [...text];
  return letters.length <= longestSms ? text : `${letters.slice(0, longestSms - 1).join("")}…`;
}
