/** Real mail servers on a free port: one that follows the standard, one that follows a script. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { createInterface } from "node:readline";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";

export interface ReceivedMail {
  envelope: SMTPServerSession["envelope"];
  raw: string;
  mail: Email;
}

export async function startMailServer(options: SMTPServerOptions = {}) {
  const received: ReceivedMail[] = [];
  let sessions = 0;
  const server = new SMTPServer({
    // Says nothing of its built-in certificate, which nobody is meant to trust here.
    logger: false,
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    hideENHANCEDSTATUSCODES: false,
    hideDSN: false,
    disableReverseLookup: true,
    onConnect(_, done) {
      sessions += 1;
      done();
    },
    async onData(stream, session, done) {
      const raw = await buffer(stream);
      received.push({ envelope: session.envelope, raw: String(raw), mail: await PostalMime.parse(raw) });
      done(null, "Queued as 4711");
    },
    ...options,
  });
  // A client that hangs up during the handshake is what some tests are about.
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    received,
    sessions: () => sessions,
    stop: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}

/** A refusal in the words of the standard, for smtp-server's callbacks. */
export function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

type Step = "greeting" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "content";
/** What the script does at a step: says a line, hangs up, or nothing at all. */
export type Turn = string | "hang up" | "silence";

const usual: Record<Step, Turn> = {
  greeting: "220 mail.example ESMTP",
  EHLO: "250 mail.example",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 go on",
  content: "250 2.0.0 queued",
};

/** `script` is read at each step, so that a test may change it between two mails. */
export async function startScriptedMailServer(script: Partial<Record<Step, Turn>>) {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  let sessions = 0;
  const server = createServer((socket) => {
    sessions += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    const take = (step: Step) => {
      const turn = script[step] ?? usual[step];
      if (turn === "hang up") socket.destroy();
      else if (turn !== "silence") socket.write(`${turn}\r\n`);
    };
    let isContent = false;
    take("greeting");
    createInterface({ input: socket }).on("line", (line) => {
      if (isContent) {
        if (line !== ".") return;
        commands.push(line);
        isContent = false;
        take("content");
        return;
      }
      commands.push(line);
      const verb = line.slice(0, 4).toUpperCase();
      isContent = verb === "DATA" && (script.DATA ?? usual.DATA).startsWith("354");
      if (verb === "EHLO" || verb === "MAIL" || verb === "RCPT" || verb === "DATA") take(verb);
      else socket.end("221 bye\r\n");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    commands,
    sessions: () => sessions,
    async stop(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
