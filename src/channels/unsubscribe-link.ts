/** The way out of further mails, written into a mail where its headers cannot show it. Pure. */
import type { NoticeContent } from "./channel";

/** By language (ISO 639). */
const phrases: Readonly<Record<string, string>> = {
  en: "No more e-mails of this kind",
  de: "Keine E-Mails dieser Art mehr",
};

/** Adds the link to each part that does not show it already: templates may, the default wording does. */
export function addUnsubscribeLink<Content extends NoticeContent>(content: Content): Content {
  const { text, html, unsubscribeUrl: url, language = "en" } = content;
  if (url === undefined) return content;
  const phrase = phrases[(language.split(/[-_]/)[0] ?? language).toLowerCase()] ?? phrases.en;
  return {
    ...content,
    ...(text.includes(url) ? {} : { text: `${text.trimEnd()}\n\n${phrase}: ${url}\n` }),
    ...(html === undefined || html.includes(escapeHtml(url)) || html.includes(url)
      ? {}
      : { html: addToBody(html, `<p><a href="${escapeHtml(url)}">${phrase}</a></p>`) }),
  };
}

function addToBody(html: string, addition: string): string {
  const end = html.search(/<\/body\s*>(?![\s\S]*<\/body\s*>)/i);
  return end < 0 ? `${html}\n${addition}\n` : `${html.slice(0, end)}${addition}\n${html.slice(end)}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
