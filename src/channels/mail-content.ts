/** What a mail says: a notice as it was rendered, or a message of a conversation held by e-mail. Pure. */
import type { Accepts } from "../message/accepts";
import { degrade } from "../message/degrade";
import type { Message } from "../message/message";
import type { NoticeContent, OutboundDelivery } from "./channel";

/** Words alone: pictures and files go as links, buttons are written out. */
export const mailShows: Accepts = { kinds: ["text"] };

export interface MailContent extends NoticeContent {
  /** Whether a program wrote it (RFC 3834), so that programs do not answer. */
  isAutomatic: boolean;
  /** What the mails of one conversation have in common. */
  thread?: string;
}

/** `text` is empty when a message holds nothing that a mail can show. */
export function writeMail({ message, notice }: OutboundDelivery): MailContent {
  if (notice) return { ...notice, isAutomatic: true };
  return {
    to: message.recipient.id,
    subject: message.sender.nickname ?? message.integration,
    text: writeText(message),
    isAutomatic: message.sender.origin === "bot",
    ...(message.conversationId !== undefined && { thread: message.conversationId }),
  };
}

function writeText(message: Message): string {
  return degrade(message, mailShows)
    .flatMap((part) => (part.kind === "text" ? [part.text] : []))
    .join("\n\n");
}
