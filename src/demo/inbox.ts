/** The demo's mail server: takes every mail, and keeps it instead of passing it on. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

/** A mail as it was received. */
export interface Mail {
  /** Envelope recipients. */
  to: string[];
  from: string;
  subject: string;
  date: string;
  /** The plain part. */
  text: string;
  /** Whether there is an HTML part too. */
  hasHtml: boolean;
}

/** Starts the mail server on a free port of this machine. */
export async function startInbox({ tell }: { tell(news: { type: "mail"; mail: Mail }): void }) {
  const received: Mail[] = [];
  const server = new SMTPServer({
    logger: false,
    authOptional: true,
    // Its certificate would be one that nobody trusts.
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    onData(stream, session, done) {
      void (async () => {
        const parsed = await PostalMime.parse(await buffer(stream));
        const mail: Mail = {
          to: session.envelope.rcptTo.map(({ address }) => address),
          from: formatAddress(parsed.from),
          subject: parsed.subject ?? "",
          date: parsed.date ?? "",
          text: (parsed.text ?? "").trimEnd(),
          hasHtml: parsed.html !== undefined,
        };
        received.push(mail);
        tell({ type: "mail", mail });
        return "kept";
      })().then((answer) => done(null, answer), done);
    },
  });
  // A sender that hangs up is no reason to end the demo.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");

  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    mails: (): readonly Mail[] => received,
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}
export type Inbox = Awaited<ReturnType<typeof startInbox>>;

function formatAddress(address: { name?: string | undefined; address?: string | undefined } | undefined): string {
  if (address?.address === undefined) return "";
  return address.name ? `${address.name} <${address.address}>` : address.address;
}
