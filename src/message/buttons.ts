import type { Accepts } from "./accepts";
import type { Button } from "./elements";
import type { Element } from "./message";

/** Which buttons a channel shows as such, and which have to be written out: replies all one way or all the other. */
export function splitButtons(
  buttons: readonly Button[],
  accepted: Accepts["buttons"],
): { tapped: Button[]; written: Button[] } {
  const fits = ({ text }: Button): boolean => text.length <= (accepted?.textLength ?? Number.POSITIVE_INFINITY);
  const tapped = buttons.filter(({ type }) => type === "reply" || (type === "link" && accepted?.links === true));
  if (!accepted || tapped.length > accepted.max || !tapped.every(fits)) return { tapped: [], written: [...buttons] };
  return { tapped, written: buttons.filter((button) => !tapped.includes(button)) };
}

/** Buttons as lines: replies numbered, so that a customer can name one, links and numbers after what they are for. */
export function writeButtons(buttons: readonly Button[]): string[] {
  const replies = buttons.filter(({ type }) => type === "reply");
  return buttons.map((button) => {
    const target = button.url ?? button.phoneNumber;
    if (target !== undefined) return button.text === target ? target : `${button.text}: ${target}`;
    const label = button.description === undefined ? button.text : `${button.text} (${button.description})`;
    return replies.length > 1 ? `${replies.indexOf(button) + 1}. ${label}` : `• ${label}`;
  });
}

/** What a button cannot hold and its list entry would have said. */
export function writeDescriptions(buttons: readonly Button[]): string[] {
  return buttons.flatMap(({ text, description }) => (description === undefined ? [] : [`${text}: ${description}`]));
}

/** Buttons as Genesys Cloud's own elements, for channels that read messages and not parts. */
export function makeElement(button: Button): Element {
  const { type, text, payload, image, url } = button;
  if (type !== "reply") return { contentType: "RichLink", richLink: { text, urlLabel: text, url } };
  return {
    contentType: "QuickReply",
    quickReply: { text, payload, action: "Message", ...(image === undefined ? {} : { image }) },
  };
}
