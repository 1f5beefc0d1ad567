/** HTML as a tagged template: whatever is put in is escaped, unless it was made by the same tag. */

class Html {
  constructor(readonly text: string) {}
}
export type { Html };

type Part = Html | string | number | undefined | readonly Part[];

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.reduce((whole, text, index) => `${whole}${write(parts[index - 1])}${text}`));
}

function write(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(write).join("");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
