import type { Template } from "./message";

type Parameters = NonNullable<NonNullable<Template["body"]>["parameters"]>;

/** Stands where a parameter of a template has no value, so that the gap can be seen and no placeholder is shown. */
export const gap = "…";

/**
 * A template as the lines a customer reads: header, body, footer, parameters filled in.
 * `words` is the text that came beside the template; it usually is the body already filled in, and then stands for it.
 */
export function writeTemplate(template: Template, words?: string): string[] {
  const header = fillParameters(template.header?.text, template.header?.parameters);
  const body = fillParameters(template.body?.text, template.body?.parameters) ?? listValues(template, words);
  const footer = template.footer?.text;
  const spoken = body !== undefined && words !== undefined && body.includes(words) ? undefined : words;
  return [header, spoken, body, footer].filter(
    (line): line is string => line !== undefined && /\S/.test(line) && (line === spoken || !spoken?.includes(line)),
  );
}

/** Fills `{{1}}` by position and `{{name}}` by name; what has no value becomes a gap. */
export function fillParameters(text: string | undefined, parameters: Parameters = []): string | undefined {
  const byName = new Map(parameters.map((parameter, index) => [parameter.name ?? String(index + 1), parameter.text]));
  return text?.replace(/\{\{([^{}]*)\}\}/g, (_, name: string) => {
    const key = name.trim();
    return byName.get(key) ?? parameters[Number(key) - 1]?.text ?? gap;
  });
}

/** A template known to the provider only by its name: its values are all there is to show. */
function listValues(template: Template, words: string | undefined): string | undefined {
  if (words !== undefined) return undefined;
  const values = (template.body?.parameters ?? []).flatMap(({ text }) => (text === undefined ? [] : [text]));
  return values.length > 0 ? values.join(", ") : undefined;
}
