/** What a mail that came back says: delivery status notifications (RFC 3464) and abuse reports (RFC 5965). Pure. */

export interface Bounce {
  kind: "bounce" | "complaint" | "delay";
  /** Enhanced status code (RFC 3463) of a bounce, such as 5.1.1. */
  status?: string;
  /** The signed part of the return path that the notice was sent with. */
  returnToken: string;
}

/** Mails that come back are short: their machine-readable part is within this. */
const longestRead = 256_000;

/**
 * Reads a whole mail, headers included. Undefined for one that did not come to a return path of ours, or that is neither a status
 * notification nor a report: an answer of a person, a vacation note.
 */
export function readBounce(mail: string, returnPath: string): Bounce | undefined {
  const text = mail.slice(0, longestRead).replaceAll("\r\n", "\n");
  const returnToken = findToken(text, returnPath);
  if (returnToken === undefined) return undefined;
  if (/^Feedback-Type:\s*(abuse|fraud|not-spam)?/im.test(text) && /report-type="?feedback-report/i.test(text)) {
    return { kind: "complaint", returnToken };
  }
  if (!/report-type="?delivery-status/i.test(text)) return undefined;
  const action = /^Action:\s*(\w+)/im.exec(text)?.[1]?.toLowerCase();
  const status = /^Status:\s*([245]\.\d{1,3}\.\d{1,3})/im.exec(text)?.[1];
  if (action === "failed") return { kind: "bounce", returnToken, ...(status === undefined ? {} : { status }) };
  return action === "delayed" ? { kind: "delay", returnToken } : undefined;
}

/** `bounces@a.example` as `bounces+TOKEN@a.example`. */
export function writeReturnPath(returnPath: string, token: string): string {
  const at = returnPath.lastIndexOf("@");
  return `${returnPath.slice(0, at)}+${token}${returnPath.slice(at)}`;
}

/** Wherever the mail names the return path: in whom it went to, or in what it returns. */
function findToken(text: string, returnPath: string): string | undefined {
  const at = returnPath.lastIndexOf("@");
  const [local, domain] = [returnPath.slice(0, at), returnPath.slice(at)].map(escape);
  return new RegExp(`(?:^|[\\s<:;])${local}\\+([\\w.-]{8,60})${domain}`, "im").exec(text)?.[1];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Whether the mailbox does not exist (5.1.x, but 7 and 8 speak of the sender) or was closed (5.2.1): it is not written to again. */
export function isDeadMailbox(answer: string): boolean {
  return /\b5\.(1\.(?![78]\b)\d{1,3}|2\.1)\b/.test(answer);
}
