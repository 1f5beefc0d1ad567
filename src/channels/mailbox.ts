/** A mailbox on an IMAP server: what is new in it is handed over, and each mail marked with what became of it. */
import type { ImapFlow, ImapFlowError } from "imapflow";

export interface MailboxSettings {
  /** `imaps://user:password@host/INBOX`; with `imap:` the connection is encrypted by STARTTLS before the log-in, or not made. */
  imap: string;
  /** Over connecting, the greeting, and each answer. */
  timeoutMs: number;
}

export type MailboxRound =
  | {
      status: "read";
      understood: number;
      left: number;
      /** Whether there is more than one round takes. */
      more: boolean;
    }
  | ({ status: "failed" } & MailboxProblem);

/** In words for people, without addresses and secrets. */
export interface MailboxProblem {
  code: string;
  problem: string;
  mend: string;
}

/** Bounds a round, and with it how long a stop waits for one. */
const mostMails = 100;
/** The machine-readable part of a mail that came back is within this; headers and report come before what it returns. */
const longestRead = 256_000;

/**
 * Hands over every mail that is neither read nor flagged, oldest first. What `take` understands is marked as read; the rest is left
 * unread for a person to see, and flagged, so that it is not looked at again. A mail is marked after it was taken: a round that
 * breaks off between the two hands it over once more.
 *
 * @throws what `take` throws; that mail stays as it was
 */
export async function readMailbox(
  settings: MailboxSettings,
  take: (mail: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<MailboxRound> {
  let fault: { thrown: unknown } | undefined;
  let taking: Promise<unknown> = Promise.resolve();
  const takeOne = (mail: string) => {
    const taken = take(mail);
    taking = taken.catch((thrown: unknown) => {
      fault = { thrown };
    });
    return taken;
  };
  try {
    return await withMailbox(settings, signal, async (client) => {
      const found = (await client.search({ seen: false, flagged: false }, { uid: true })) || [];
      const round = { status: "read" as const, understood: 0, left: 0, more: found.length > mostMails };
      for (const uid of found.slice(0, mostMails)) {
        if (signal.aborted) break;
        const mail = await client.fetchOne(uid, { source: { start: 0, maxLength: longestRead } }, { uid: true });
        // Somebody else has removed it meanwhile.
        if (!mail || mail.source === undefined) continue;
        const isUnderstood = await takeOne(mail.source.toString("utf8"));
        await mark(client, uid, isUnderstood ? "\\Seen" : "\\Flagged");
        round[isUnderstood ? "understood" : "left"] += 1;
      }
      return round;
    });
  } catch (error) {
    // A round may be given up while a mail is being taken; whoever waits for the round may then take away what that needs.
    await taking;
    if (fault !== undefined) throw fault.thrown;
    return { status: "failed", ...describe(error) };
  }
}

/** Logs in and looks whether mails can be marked; changes nothing. */
export async function probeMailbox(
  settings: MailboxSettings,
): Promise<{ ok: true; found: string } | { ok: false; found: string; mend: string }> {
  try {
    const count = await withMailbox(settings, AbortSignal.timeout(settings.timeoutMs), async (client) => {
      const waiting = await client.search({ seen: false, flagged: false }, { uid: true });
      return (waiting || []).length;
    });
    return { ok: true, found: `logged in, ${count} mails to be read` };
  } catch (error) {
    const { problem, mend } = describe(error);
    return { ok: false, found: problem, mend };
  }
}

class ReadOnlyMailbox extends Error {
  override readonly name = "ReadOnlyMailbox";
}

class NoSuchMailbox extends Error {
  override readonly name = "NoSuchMailbox";
}

async function withMailbox<Result>(
  { imap, timeoutMs }: MailboxSettings,
  signal: AbortSignal,
  work: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  const { path, ...server } = readUrl(imap);
  // Twenty megabytes, for those alone who have a mailbox read.
  const { ImapFlow } = await import("imapflow");
  const client = new ImapFlow({
    ...server,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableAutoIdle: true,
    logger: false,
  });
  // Without a listener, a connection lost between two commands would end the process.
  client.on("error", () => undefined);
  // Closing alone does not end a wait for the greeting.
  let giveUp = () => {};
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(new Error("given up", { cause: signal.reason }));
    signal.addEventListener("abort", giveUp, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([aborted, openAndWork(client, path, work)]);
  } finally {
    signal.removeEventListener("abort", giveUp);
    client.close();
  }
}

async function openAndWork<Result>(
  client: ImapFlow,
  path: string,
  work: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  await client.connect();
  const mailbox = await client.mailboxOpen(path).catch((error: ImapFlowError) => {
    throw error.responseStatus === "NO" ? new NoSuchMailbox("no such mailbox", { cause: error }) : error;
  });
  if (mailbox.readOnly) throw new ReadOnlyMailbox("the mailbox is read-only");
  const result = await work(client);
  await client.logout().catch(() => undefined);
  return result;
}

async function mark(client: ImapFlow, uid: number, flag: "\\Seen" | "\\Flagged"): Promise<void> {
  if (!(await client.messageFlagsAdd(String(uid), [flag], { uid: true }))) {
    throw new ReadOnlyMailbox("a flag was not taken");
  }
}

/** What an `imaps:` or `imap:` URL says (RFC 5092, its path being one mailbox). */
function readUrl(imap: string) {
  const url = new URL(imap);
  const secure = url.protocol === "imaps:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return {
    host,
    port: url.port === "" ? (secure ? 993 : 143) : Number(url.port),
    secure,
    // On this machine nobody listens in, and few servers have a certificate for it.
    ...(!secure && { doSTARTTLS: !isLoopback(host) }),
    auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    path: decodeURIComponent(url.pathname.slice(1)) || "INBOX",
  };
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

function describe(error: unknown): MailboxProblem {
  const { code, tlsFailed, authenticationFailed } = error as ImapFlowError;
  if (authenticationFailed === true) {
    return { code: "login", problem: "the log-in was refused", mend: "correct user and password in bounces.imap" };
  }
  if (error instanceof NoSuchMailbox) {
    return { code: "mailbox", problem: "there is no such mailbox", mend: "correct the path of bounces.imap" };
  }
  if (error instanceof ReadOnlyMailbox) {
    const mend = "let this user mark mails as read and as flagged";
    return { code: "readOnly", problem: "mails cannot be marked", mend };
  }
  if (isCertificateProblem(code)) {
    const mend = "give the server a certificate for its name, or name its authority in NODE_EXTRA_CA_CERTS";
    return { code: "certificate", problem: `its certificate is not to be trusted (${code})`, mend };
  }
  if (tlsFailed === true) {
    return { code: "starttls", problem: "it offers no encryption (STARTTLS)", mend: "use imaps: in bounces.imap" };
  }
  const known = code !== undefined && /^\w{1,40}$/.test(code) ? code : "no connection";
  const mend = "correct host and port of bounces.imap, or let the bridge through to it";
  return { code: known, problem: `no connection that holds (${known})`, mend };
}

/** The codes of OpenSSL's verification, and Node's for a certificate of another name. */
function isCertificateProblem(code: string | undefined): boolean {
  return /CERT|UNABLE_TO_(GET|VERIFY)|ISSUER|ALTNAME|HOSTNAME_MISMATCH/.test(code ?? "");
}
