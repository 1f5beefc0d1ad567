/** Templates of notices: what is wrong with them is found before they are needed. */
import { checkTemplate, wordingParts } from "../fallback/render";
import { isObject } from "./file";
import { formatPath, type Problem } from "./problem";

/** Renders every template of the settings with sample facts; those that are no texts are told by the settings' own check. */
export function checkTemplates(settings: unknown): Problem[] {
  return entriesOf(settings, "fallback").flatMap(([policy, settingsOfPolicy]) =>
    entriesOf(settingsOfPolicy, "templates").flatMap(([language, wording]) =>
      wordingParts.flatMap((part) => {
        const template = isObject(wording) ? wording[part] : undefined;
        if (typeof template !== "string") return [];
        const fault = checkTemplate(part, template);
        if (fault === undefined) return [];
        const path = formatPath(["fallback", policy, "templates", language, part]);
        return [{ path, found: `a template that fails: ${fault}`, allowed }];
      }),
    ),
  );
}

const allowed =
  "a Liquid template with the variables count, from, returnUrl, unsubscribeUrl, firstAt, lastAt, language and messages";

function entriesOf(settings: unknown, key: string): [string, unknown][] {
  const part = isObject(settings) ? settings[key] : undefined;
  return isObject(part) ? Object.entries(part) : [];
}
