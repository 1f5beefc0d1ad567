/** The channel to a mail server over SMTP: notices of missed messages, and messages of integrations whose customers write e-mail. */
import { createTransport, type SendMailOptions } from "nodemailer";
import type { Accepts, Channel, Outcome, RetryRule } from "./channel";
import { type DkimSettings, signBy } from "./dkim";
import { domainOf, isMailAddress } from "./mail-address";
import { mailShows, type MailContent, writeMail } from "./mail-content";
import { narrowAccepts } from "./narrow-accepts";
import { judgeSmtpFailure, type SmtpFailure } from "./smtp-outcome";

export interface EmailChannelSettings {
  name: string;
  /** `smtp://user:password@host:port`, or `smtps:` for TLS from the first byte; nodemailer's options may follow as query. */
  smtp: string;
  /** Address, or `Name <address>`. */
  from: string;
  /** Where answers go that no notice names another place for. */
  replyTo?: string | undefined;
  /** Over waiting for a connection, connecting and the whole session. */
  timeoutMs: number;
  /** Signs every mail; absent, that is left to the mail server. */
  dkim?: DkimSettings | undefined;
  retry: RetryRule;
  /** Narrows what is sent as mail; by default everything that is delivered. */
  accepts?: Partial<Accepts> | undefined;
}

/** To one mail server at the same time. */
const connections = 5;

/**
 * Makes the channel: a pool of connections, one mail per recipient.
 *
 * It is not repeatable: a mail server takes the same mail twice. The Message-ID stays the same over all tries, so that at least a
 * customer's mail program can show a repeat once.
 */
export function createEmailChannel(settings: EmailChannelSettings, deps: { now: () => Date }): Channel {
  const { timeoutMs } = settings;
  const domain = domainOf(settings.from) ?? "localhost";
  const transporter = createTransport({
    url: settings.smtp,
    pool: true,
    maxConnections: connections,
    // A requeue inside the pool would be a retry that nobody sees.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(settings.dkim !== undefined && { dkim: signBy(settings.dkim) }),
  });

  // The stream of a message ends when the connection has read all of it: the last moment at which the server cannot have taken it.
  // It is that of the whole mail, since what is signed is read to its end before the first byte goes out.
  const handedOver = new Set<string>();
  transporter.use("stream", ({ message }, done) => {
    const messageId = message.messageId();
    const createReadStream = message.createReadStream.bind(message);
    message.createReadStream = (options) => createReadStream(options).once("end", () => handedOver.add(messageId));
    done();
  });

  async function deliver(content: MailContent, deliveryId: string): Promise<Outcome> {
    const messageId = `<${deliveryId}@${domain}>`;
    const { from, replyTo } = settings;
    const own = { from, messageId, date: deps.now(), signal: AbortSignal.timeout(timeoutMs) };
    try {
      const { response } = await transporter.sendMail({ replyTo, ...addressMail(content, deliveryId, domain), ...own });
      return { status: "accepted", providerMessageId: messageId, answer: response?.slice(0, 3) ?? "accepted" };
    } catch (error) {
      const { code, command, response } = error as Partial<SmtpFailure>;
      return judgeSmtpFailure({ code, command, response, wasHandedOver: handedOver.has(messageId) });
    } finally {
      handedOver.delete(messageId);
    }
  }

  return {
    name: settings.name,
    type: "email",
    accepts: narrowAccepts(mailShows, settings.accepts),
    confirms: "accepted",
    repeatable: false,
    // Waiting for a connection counts against the time limit.
    concurrency: connections,
    timeoutMs,
    retry: settings.retry,

    async send(delivery) {
      const content = writeMail(delivery);
      if (!isMailAddress(content.to)) return refuse("InvalidDestination", "The recipient is no e-mail address.");
      if (content.text === "")
        return refuse("UnsupportedMessage", "The message holds nothing that an e-mail can show.");
      return deliver(content, delivery.deliveryId);
    },

    async close() {
      transporter.close();
    },
  };
}

/** Addresses go as objects: in a text, `ok@a.example\r\nBcc: evil@b.example` would be read as a group with a member. */
function addressMail(content: MailContent, deliveryId: string, domain: string): SendMailOptions {
  const { to, subject, text, html, replyTo, language, returnPath, unsubscribeUrl, isAutomatic, thread } = content;
  const address = (one: string) => ({ name: "", address: one });
  return {
    to: address(to),
    subject,
    text,
    ...(html !== undefined && { html }),
    ...(replyTo !== undefined && { replyTo }),
    ...(thread !== undefined && { references: `<${thread}@${domain}>` }),
    ...(returnPath !== undefined && { envelope: { from: address(returnPath), to: address(to) } }),
    headers: {
      ...(isAutomatic && { "Auto-Submitted": "auto-generated" }),
      ...(language !== undefined && { "Content-Language": language }),
      ...(unsubscribeUrl !== undefined && {
        "List-Unsubscribe": `<${unsubscribeUrl}>`,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      }),
    },
    // RFC 3461: bounces name the delivery, and come back with its headers alone. ORCPT has no form of its own beyond ASCII.
    dsn: {
      id: deliveryId,
      return: "headers",
      notify: ["failure", "delay"],
      ...(isAscii(to) && { recipient: `rfc822;${to}` }),
    },
  };
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function refuse(code: "InvalidDestination" | "UnsupportedMessage", message: string): Outcome {
  return { status: "failed", retryable: false, reason: { code, message }, answer: "not sent" };
}
