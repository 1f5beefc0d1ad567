/** What a notice says, and to whom. */
import { createHash } from "node:crypto";
import type { Channel, NoticeContent } from "../channels/channel";
import type { Address } from "../fallback/addresses";
import type { NoticePolicy } from "../fallback/policy";
import { renderNotice } from "../fallback/render";
import { classifyAddress } from "../message/address";
import { writeReturnPath } from "../message/bounce";
import { widenPurpose } from "../message/consent";
import type { Message } from "../message/message";
import { signReturn } from "../store/bounces";
import type { NoticeState } from "../store/notices";
import { sealUnsubscribe } from "../store/unsubscribe";
import type { NoticeDeps } from "./notice-deps";

export function writeContent(
  deps: Pick<NoticeDeps, "understand" | "publicUrl" | "returnPathOf" | "log">,
  notice: NoticeState,
  {
    policy,
    channel,
    address,
    language,
    secret,
  }: {
    policy: NoticePolicy;
    channel: Channel;
    address: Address;
    language: string | undefined;
    secret: Buffer;
  },
): NoticeContent {
  const messages = notice.missed.flatMap((one) => {
    const { body, id, integration, integrationId, kind } = one;
    const message =
      body === null ? undefined : deps.understand({ body, id, integration, integrationId, kind, source: null });
    const at = new Date(one.sentAt ?? one.receivedAt).toISOString();
    return [{ text: textOf(message), from: message?.sender.nickname ?? integration, at }];
  });
  const times = messages.map((one) => one.at).sort();
  const isMail = channel.type === "email";
  const unsubscribeUrl = isMail ? unsubscribeLink(deps.publicUrl, address.value, policy, secret) : undefined;
  const rendered = renderNotice(
    {
      count: messages.length,
      from: messages.at(-1)?.from ?? "",
      returnUrl: policy.returnUrl ?? false,
      unsubscribeUrl: unsubscribeUrl ?? false,
      firstAt: times[0] ?? "",
      lastAt: times.at(-1) ?? "",
      messages: policy.revealText ? messages : [],
    },
    policy.templates,
    { language, fallback: policy.language },
  );
  for (const kind of rendered.broken) {
    deps.log.templateFailed({ policy: policy.name, noticeId: notice.id, kind: `${rendered.language}.${kind}` });
  }
  const shared = { to: address.value, subject: rendered.subject, language: rendered.language };
  if (!isMail) return { ...shared, text: rendered.sms };
  const returnPath = deps.returnPathOf(channel.name);
  return {
    ...shared,
    text: rendered.text,
    html: rendered.html,
    purpose: policy.purpose,
    ...(unsubscribeUrl === undefined ? {} : { unsubscribeUrl }),
    ...(returnPath === undefined ? {} : { returnPath: writeReturnPath(returnPath, signReturn(secret, notice.id)) }),
  };
}

/** The notice as the message that channels without a notion of notices carry. */
export function writeMessage(notice: NoticeState, content: NoticeContent): Message {
  const [first] = notice.missed;
  return {
    kind: "text",
    id: notice.id,
    genesysMessageId: null,
    integration: first?.integration ?? "",
    integrationId: first?.integrationId ?? "",
    recipient: { id: content.to, idType: idTypeOf(content.to, first?.recipientIdType) },
    sender: { origin: "bot" },
    sentAt: null,
    text: content.text,
    raw: {},
  };
}

export function hashText(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

function unsubscribeLink(
  publicUrl: string | undefined,
  address: string,
  policy: NoticePolicy,
  secret: Buffer,
): string | undefined {
  if (publicUrl === undefined) return undefined;
  const token = sealUnsubscribe(secret, { address, purpose: widenPurpose(policy.purpose), policy: policy.name });
  return `${publicUrl}/unsubscribe/${token}`;
}

function textOf(message: Message | undefined): string {
  return message !== undefined && "text" in message ? (message.text ?? "") : "";
}

function idTypeOf(to: string, own: string | undefined): string {
  const byForm = classifyAddress(to);
  if (byForm === undefined) return own ?? "Opaque";
  return byForm === "email" ? "Email" : "Phone";
}
