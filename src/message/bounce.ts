/** What a mail that came back says: delivery status notifications (RFC 3464) and abuse reports (RFC 5965). Pure. */

export interface Bounce {
  kind: "bounce" | "complaint" | "delay";
  /** Enhanced status code (RFC 3463) of a bounce, such as 5.1.1. */
  status?: string;
  /** The signed part of the return path that the notice was sent with. */
  returnToken: string;
  /** Whom the mail names as recipient; anybody can write that, so it means nothing until it is compared with what is known. */
  addresses: string[];
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
  const named = { returnToken, addresses: findRecipients(text) };
  if (/^Feedback-Type:\s*(abuse|fraud|not-spam)?/im.test(text) && /report-type="?feedback-report/i.test(text)) {
    return { kind: "complaint", ...named };
  }
  if (!/report-type="?delivery-status/i.test(text)) return undefined;
  const action = /^Action:\s*(\w+)/im.exec(text)?.[1]?.toLowerCase();
  const status = /^Status:\s*([245]\.\d{1,3}\.\d{1,3})/im.exec(text)?.[1];
  if (action === "failed") return { kind: "bounce", ...named, ...(status === undefined ? {} : { status }) };
  return action === "delayed" ? { kind: "delay", ...named } : undefined;
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

/** In the report itself, and in what it returns of the mail; some providers leave the first out, some the second. */
function findRecipients(text: string): string[] {
  const lines = text.matchAll(/^(?:Final-Recipient|Original-Recipient|Original-Rcpt-To|To):(.{1,400})$/gim);
  const found = [...lines].map(([, value = ""]) => /[^\s<>;,"@]{1,64}@[^\s<>;,"@]{1,255}/.exec(value)?.[0]);
  return [...new Set(found.filter((address) => address !== undefined))];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Whether the mailbox does not exist (5.1.x, but 7 and 8 speak of the sender) or was closed (5.2.1): it is not written to again. */
export function isDeadMailbox(answer: string): boolean {
  return /\b5\.(1\.(?![78]\b)\d{1,3}|2\.1)\b/.test(answer);
}
