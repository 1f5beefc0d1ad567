/** What a mail says: a notice as it was rendered, or a message of a conversation held by e-mail. Pure. */
import type { Attachment, Message } from "../message/message";
import type { NoticeContent, OutboundDelivery } from "./channel";

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
  if (!("text" in message || "attachments" in message)) return "";
  const lines = [message.text ?? "", ...(message.attachments ?? []).map(writeAttachment)];
  return lines.filter((line) => line.trim() !== "").join("\n\n");
}

function writeAttachment({ filename, text, url }: Attachment): string {
  return [text ?? filename, url].filter((part) => part !== undefined).join("\n");
}
