/** A mail server that takes everything and remembers which mail it was. */
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";

export interface Mail {
  /** The `Message-ID` header: the same over all tries of one notice. */
  id: string;
  arrivedAt: number;
}

export async function startInbox(): Promise<{ url: string; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onData(stream, _session, done) {
      text(stream).then((raw) => {
        mails.push({ id: /^message-id:\s*(\S+)/im.exec(raw)?.[1] ?? "", arrivedAt: Date.now() });
        done();
      }, done);
    },
  });
  // A client that is killed in the middle of a session is what this is for.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, mails };
}
