/** What a mail server's refusal means (RFC 5321 section 4.2, enhanced status codes of RFC 3463). Pure. */
import type { ReasonCode } from "../message/message";
import type { Outcome } from "./channel";

/** What nodemailer tells of a failed send. */
export interface SmtpFailure {
  /** nodemailer's own: `EENVELOPE`, `ECONNECTION`, … */
  code?: string | undefined;
  /** The command that was refused: `RCPT TO`, `DATA`, … */
  command?: string | undefined;
  /** What the server said, if it said anything: `550 5.1.1 <ines@…> unknown`. */
  response?: string | undefined;
  /** Whether the last byte of the message was on its way. */
  wasHandedOver: boolean;
}

/**
 * Judges a failed send. Final is only what the server said of this recipient or this message; what it said of us (login, sender,
 * encryption) or did not say at all may be mended.
 *
 * A connection lost after the last byte leaves open whether the mail was taken. RFC 1047 would repeat it; here it is `uncertain`
 * instead, because a mail cannot be asked for and a customer should not read the same notice twice.
 */
export function judgeSmtpFailure(failure: SmtpFailure): Outcome {
  const said = readReply(failure.response);
  if (!said) return judgeSilence(failure);

  const answer = `${failure.command ?? "connection"}: ${said.reply}${said.status ? ` ${said.status}` : ""}`;
  const code = said.isPermanent ? chooseReason(failure.command, said) : undefined;
  if (code) {
    const message = `The mail server refused the ${failure.command === "RCPT TO" ? "recipient" : "message"} (${answer}).`;
    return { status: "failed", retryable: false, reason: { code, message }, answer };
  }
  const isThrottled = said.status?.startsWith("4.7.") === true;
  const message = `The mail server does not take the message now (${answer}).`;
  return {
    status: "failed",
    retryable: true,
    reason: { code: isThrottled ? "RateLimited" : "ServerError", message },
    answer,
  };
}

/** Failures without a reply: before the connection, after it, or of nodemailer's own checks. */
function judgeSilence({ code = "no reply", command, wasHandedOver }: SmtpFailure): Outcome {
  if (code === "EENVELOPE") return refuse("InvalidDestination", "The recipient is no address a mail can go to.", code);
  if (code === "EMESSAGE" && command === "MAIL FROM") {
    return refuse("InvalidMediaContentLength", "The message is larger than the mail server takes.", code);
  }
  const answer = code === "EABORT" ? "no answer in time" : code;
  if (wasHandedOver) {
    const message = `The mail server did not say whether it took the message (${answer}).`;
    return { status: "failed", retryable: false, uncertain: true, reason: { code: "ServerError", message }, answer };
  }
  const message = `The mail server cannot be used now (${answer}).`;
  return { status: "failed", retryable: true, reason: { code: "ServerError", message }, answer };
}

function refuse(code: ReasonCode, message: string, answer: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer };
}

interface Reply {
  /** Three digits. */
  reply: string;
  /** `5.1.1`; undefined when the server gives none. */
  status: string | undefined;
  isPermanent: boolean;
}

function readReply(response: string | undefined): Reply | undefined {
  const [, reply, status] = /^([245]\d\d)(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(response ?? "") ?? [];
  // 503 says that the session got out of step, which another one mends.
  return reply === undefined ? undefined : { reply, status, isPermanent: reply.startsWith("5") && reply !== "503" };
}

/** The reason for a permanent refusal; undefined when it is not about this recipient or message. */
function chooseReason(command: string | undefined, { reply, status }: Reply): ReasonCode | undefined {
  const isTooLarge = status === "5.2.3" || status === "5.3.4" || (reply === "552" && status === undefined);
  if (command === "MAIL FROM") return isTooLarge ? "InvalidMediaContentLength" : undefined;
  if (command !== "RCPT TO" && command !== "DATA") return undefined;

  const isRecipient = command === "RCPT TO";
  if (status !== undefined) return reasonOfStatus(status, isRecipient);
  if (isRecipient) return ["501", "550", "551", "553"].includes(reply) ? "InvalidDestination" : "GeneralError";
  if (isTooLarge) return "InvalidMediaContentLength";
  return ["550", "554"].includes(reply) ? "DataFiltered" : "GeneralError";
}

/** By subject and detail of the enhanced status code. */
function reasonOfStatus(status: string, isRecipient: boolean): ReasonCode {
  const [, subject, detail] = status.split(".");
  switch (subject) {
    case "1":
      // 7 and 8 speak of the sender's address.
      return detail === "7" || detail === "8" ? "GeneralError" : "InvalidDestination";
    case "2":
      if (detail === "1") return "InvalidDestination";
      return detail === "3" ? "InvalidMediaContentLength" : "GeneralError";
    case "3":
      return detail === "4" ? "InvalidMediaContentLength" : "ServerError";
    case "4":
      // 1: no such recipient, in the words of Exchange Online; 4: no way to the domain.
      return detail === "1" || detail === "4" ? "InvalidDestination" : "ServerError";
    case "6":
      return "InvalidMessageStructure";
    case "7":
      return isRecipient ? "MessageNotAllowed" : "DataFiltered";
    default:
      return "GeneralError";
  }
}
