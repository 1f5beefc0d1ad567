import { type Block, showElement, showTemplate } from "./elements";
import type { Message } from "./message";

/** What a message shows a customer, in order; nothing for kinds that are only noted. */
export function showMessage(message: Message): Block[] {
  switch (message.kind) {
    case "text":
    case "media":
    case "structured":
      return mergeBlocks(placeText(message.text, showContent(message)));
    case "template":
      return mergeBlocks([...showTemplate(message.template, message.text), ...showContent(message)]);
    default:
      return [];
  }
}

type Shown = Extract<Message, { kind: "text" | "media" | "structured" | "template" }>;

/** All elements in their order; a message made without elements has its attachments. */
function showContent(message: Shown): Block[] {
  if (!message.elements)
    return (message.attachments ?? []).flatMap((media) => ((media.url ?? media.text) ? [{ media }] : []));
  const shown = message.elements.map((element) => ({ element, blocks: showElement(element) }));
  if (message.kind !== "template") return shown.flatMap(({ blocks }) => blocks);
  const own = shown.find(({ element }) => element.contentType.toLowerCase() === "notification");
  return shown.filter((one) => one !== own).flatMap(({ blocks }) => blocks);
}

/**
 * The text of a message: a caption of the only picture or file, else right above the first buttons that have no words of
 * their own (quick replies), else first.
 */
function placeText(text: string | undefined, blocks: Block[]): Block[] {
  if (text === undefined || !/\S/.test(text)) return blocks;
  const [first, ...others] = blocks;
  if (first?.media && first.media.text === undefined && first.text === undefined && others.length === 0) {
    return [{ ...first, text }];
  }
  const bare = blocks.findIndex((block) => !block.media && block.text === undefined);
  const at = Math.max(bare, 0);
  return [...blocks.slice(0, at), { text }, ...blocks.slice(at)];
}

/** Words join what follows them, and buttons without words what comes before, so that one block is one bubble. */
function mergeBlocks(blocks: readonly Block[]): Block[] {
  const merged: Block[] = [];
  for (const block of blocks) {
    const last = merged.at(-1);
    const joins = last && !block.media && (block.text === undefined || (!last.media && !last.buttons));
    if (!joins) merged.push({ ...block, ...(block.buttons ? { buttons: [...block.buttons] } : {}) });
    else {
      if (block.text !== undefined) last.text = last.text === undefined ? block.text : `${last.text}\n${block.text}`;
      if (block.buttons) (last.buttons ??= []).push(...block.buttons);
    }
  }
  return merged;
}
