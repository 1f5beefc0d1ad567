import type { Accepts } from "./accepts";
import type { Button } from "./elements";
import type { Element } from "./message";

/** Which buttons a channel shows as such, and which have to be written out: replies all one way or all the other. */
export function splitButtons(buttons: readonly Button[], accepts: Accepts): { tapped: Button[]; written: Button[] } {
  const isTapped = ({ type }: Button): boolean => type === "reply" || (type === "link" && accepts.linkButtons === true);
  const fits = ({ text }: Button): boolean => text.length <= (accepts.buttonTextLength ?? Number.POSITIVE_INFINITY);
  const tapped = buttons.filter(isTapped);
  if (tapped.length > (accepts.buttons ?? 0) || !tapped.every(fits)) return { tapped: [], written: [...buttons] };
  return { tapped, written: buttons.filter((button) => !isTapped(button)) };
}

/** Buttons as lines: replies numbered, so that a customer can name one, links and numbers after what they are for. */
export function writeButtons(buttons: readonly Button[]): string[] {
  const isChoice = buttons.filter(({ type }) => type === "reply").length > 1;
  let number = 0;
  return buttons.map(({ type, text, url, phoneNumber, description }) => {
    const target = url ?? phoneNumber;
    if (type !== "reply" && target !== undefined) return text === target ? target : `${text}: ${target}`;
    number += 1;
    return `${isChoice ? `${number}.` : "•"} ${text}${description === undefined ? "" : ` (${description})`}`;
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
