/**
 * `npm run test:mail`: notices through a real Postfix, and what comes back.
 *
 * The built bridge sends notices of messages that failed through a Postfix of its own, whose next hops are smtp-sinks that refuse
 * every recipient, for good or for now. Read back are the notice as it lies in the mailbox, and the bounces as Postfix writes
 * them: handed over by `omb bounce`, forged, and read by the bridge itself from a Dovecot over the same mailboxes, which goes
 * away and comes back. Needs root and Debian's postfix, dovecot-imapd and openssl; exit code 2 with what is missing, 1 with what
 * came out otherwise than it should.
 */
import { chmodSync, readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import { createTransport } from "nodemailer";
import { writeRecord } from "../../src/channels/dkim";
import { verifyDkim } from "../channels/dkim-verifier";
import { until } from "../helpers/until";
import { buildBridge, findFreePort } from "../processes/bridge";
import { openStores } from "../processes/store";
import { certificateOf, makeCertificate, startDovecot } from "./dovecot";
import { type KeptMail, readMaildir } from "./maildir";
import { startPostfix, startSink } from "./postfix";
import { listMissing } from "./programs";
import { createWorld, dkim, domain, type World } from "./world";

const gone = "gone@hard.example";
const lost = "lost@hard.example";
const late = "late@hard.example";
const busy = "busy@soft.example";
const mira = `mira@${domain}`;
const password = "a-password-that-no-log-may-hold";

/** What did not come out as it should. */
const problems: string[] = [];

function check(what: string, holds: boolean, found?: unknown): void {
  process.stdout.write(`${holds ? "ok   " : "WRONG"} ${what}\n`);
  if (!holds) problems.push(`${what}: ${JSON.stringify(found)}`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

async function main(): Promise<number> {
  const missing = listMissing();
  if (missing.length > 0) {
    process.stderr.write(`${missing.join("\n")}\n`);
    return 2;
  }
  buildBridge();
  const stores = await openStores("sqlite");
  const store = await stores.create();
  const { directory } = store;
  // Mails are written and read by other users than this one.
  chmodSync(directory, 0o755);
  const [hard, soft, smtpPort, imapPort] = await Promise.all(Array.from({ length: 4 }, findFreePort));
  const stops: (() => Promise<unknown>)[] = [() => store.remove()];
  try {
    const world = await createWorld(store, Number(smtpPort));
    stops.push(world.close);
    stops.push((await startSink("550 5.1.1 no such mailbox", Number(hard))).stop);
    stops.push((await startSink("450 4.2.1 come back later", Number(soft))).stop);
    await world.start();

    const first = await world.say(mira);
    await until(() => world.logged("notice.sent").some(({ status }) => status === "failed"), Boolean);
    const postfix = await startPostfix({
      directory,
      port: Number(smtpPort),
      domain,
      names: ["mira", "bounces"],
      hops: { "hard.example": Number(hard), "soft.example": Number(soft) },
    });
    stops.push(postfix.stop);
    await checkNotice(world, directory, first);
    const returned = await checkHardBounce(world, directory, postfix.log);
    await checkSoftBounce(world, directory);
    await checkMailbox(world, { directory, returned, smtpPort: Number(smtpPort), imapPort: Number(imapPort) }, stops);
    const audit = await world.run(["audit", "--json"], {});
    check("omb audit finds nothing", audit.code === 0, audit.stdout.slice(0, 2000));
    check("the log holds neither addresses nor passwords", !/@|password-that/.test(world.log()), world.log());
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

/** The mail server was away at first, so this mail has been tried more than once. */
async function checkNotice(world: World, directory: string, id: string): Promise<void> {
  await until(
    () => world.find(id),
    ({ fate }) => fate === "notified",
    30_000,
  );
  const mails = await until(
    () => readMaildir(directory, "mira"),
    ({ length }) => length > 0,
  );
  check("the notice is in the mailbox, once, although the server was away at first", mails.length === 1, mails.length);
  const [{ mail, raw } = emptyMail] = mails;
  const header = (name: string) => mail.headers.find(({ key }) => key === name)?.value;
  const returnPath = /^<?bounces\+([0-9a-f]{32})\.[0-9a-f]{16}@harborline\.example>?$/.exec(
    header("return-path") ?? "",
  );
  const uuid = returnPath?.[1]?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  check("its return path is signed", uuid !== undefined, header("return-path"));
  check(
    "its Message-ID is that of the notice, over all tries",
    mail.messageId === `<${uuid}@${domain}>`,
    mail.messageId,
  );
  const unsubscribe = /^<(http:\/\/127\.0\.0\.1:\d+\/unsubscribe\/[\w.-]+)>$/.exec(header("list-unsubscribe") ?? "");
  check("it can be unsubscribed from (List-Unsubscribe)", unsubscribe !== null, header("list-unsubscribe"));
  const oneClick = header("list-unsubscribe-post");
  check("by one click (List-Unsubscribe-Post)", oneClick === "List-Unsubscribe=One-Click", oneClick);
  const automatic = header("auto-submitted");
  check("it says that a program wrote it (Auto-Submitted)", automatic === "auto-generated", automatic);
  const verified = await verifyDkim(raw.replaceAll("\n", "\r\n"), async () => [[writeRecord(dkim)]]);
  const isSigned = verified?.problem === undefined && verified?.headers.includes("list-unsubscribe-post") === true;
  check("its signature holds on the other side of Postfix (DKIM)", isSigned, verified);
  check("it has a text", (mail.text ?? "").length > 20, mail.text);
  check("and HTML", /<html/i.test(mail.html ?? "") && (mail.html ?? "").length > 100, mail.html);
  check(
    "it is from the sender and to the customer",
    mail.from?.address === `chat@${domain}` && mail.to?.[0]?.address === mira,
  );
  check(
    "no line of it is longer than a mail server takes",
    raw.split("\n").every((line) => line.length < 998),
  );
}

const emptyMail = { raw: "", mail: { headers: [] } } as unknown as KeptMail;

/** Returns the bounce. */
async function checkHardBounce(world: World, directory: string, readLog: () => string): Promise<string> {
  const id = await world.say(gone);
  const [{ raw, mail } = emptyMail] = await untilReturned(directory, 1);
  check("a mailbox that does not exist comes back as 5.1.1", /^Status: 5\.1\.1/m.test(raw), raw);
  const to = /^(?:Delivered-To|X-Original-To|To): <?(bounces\+\S+@harborline\.example)>?/im.exec(raw)?.[1];
  check("to the signed return path", to !== undefined, mail.headers);
  const noticeId = (await world.find(id)).notice?.id;
  const envelope = /^Original-Envelope-Id: (\S+)/im.exec(raw)?.[1];
  const original = /^Message-ID: <([^@]+)@harborline\.example>/im.exec(raw)?.[1];
  check("it names the delivery (ENVID), which is the Message-ID's", envelope !== undefined && envelope === original, {
    envelope,
    original,
    noticeId,
  });
  check(
    "and the recipient that was asked for (ORCPT)",
    /^Original-Recipient: rfc822;\s*gone@hard\.example/im.test(raw),
    raw,
  );

  const forged = raw.replaceAll(/(bounces\+[0-9a-f]{32}\.)[0-9a-f]{16}@/g, "$10123456789abcdef@");
  const refused = await world.hand(forged);
  check("a bounce with another signature is refused", forged !== raw && refused.result === "ignored", refused);
  const before = await world.find(id);
  check("and changes nothing", before.fate === "notified" && before.notice?.channel === "email", before);
  check("for nobody", (await world.suppressedBy(gone)) === undefined);

  const taken = await world.hand(raw);
  check("omb bounce takes the real one", taken.result === "bounce" && taken.suppressed, taken);
  const source = await world.suppressedBy(gone);
  check("its address is written to no more", source === "bounce", source);
  const after = await until(
    () => world.find(id),
    ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
  );
  check("and the next step takes over", after.fate === "notified" && world.pushed().length === 1, after);
  const again = await world.hand(raw);
  check("the same once more changes nothing", again.result === "bounce" && world.pushed().length === 1, again);

  const sends = () => readLog().split(`to=<${gone}>`).length;
  const sentBefore = sends();
  const second = await world.say(gone);
  await until(
    () => world.find(second),
    ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
  );
  check("the next notice goes another way at once", sends() === sentBefore && world.pushed().length === 2);
  return raw;
}

async function checkSoftBounce(world: World, directory: string): Promise<void> {
  const id = await world.say(busy);
  const [, delay = emptyMail] = await untilReturned(directory, 2);
  check("a mailbox that is busy is told as late", /^Action: delayed/im.test(delay.raw), delay.raw);
  const told = await world.hand(delay.raw);
  check("which closes nothing", told.result === "delay" && !told.suppressed, told);
  const before = await world.find(id);
  check("and changes nothing", before.fate === "notified" && before.notice?.channel === "email", before);

  const [, , end = emptyMail] = await untilReturned(directory, 3);
  check(
    "then it comes back with a 4.x.x",
    /^Action: failed/im.test(end.raw) && /^Status: 4\./im.test(end.raw),
    end.raw,
  );
  const taken = await world.hand(end.raw);
  check("which closes nothing either", taken.result === "bounce" && !taken.suppressed, taken);
  check("so that the address is written to again", (await world.suppressedBy(busy)) === undefined);
  await until(
    () => world.find(id),
    ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
  );
  const second = await world.say(busy);
  const next = await until(
    () => world.find(second),
    ({ fate }) => fate === "notified",
  );
  check("with the next notice", next.notice?.channel === "email", next);
}

interface MailboxPlace {
  directory: string;
  /** A bounce that was taken already. */
  returned: string;
  smtpPort: number;
  imapPort: number;
}

/** The bridge reads the mailbox itself: what lies in it from before was taken already, and is taken again. */
async function checkMailbox(world: World, place: MailboxPlace, stops: (() => Promise<unknown>)[]): Promise<void> {
  const { directory, imapPort } = place;
  await makeCertificate(directory);
  let dovecot = await startDovecot({ directory, port: imapPort, password });
  stops.push(() => dovecot.stop());
  const trust = certificateOf(directory);
  const imap = (secret = password, path = "INBOX") => `imaps://bounces:${secret}@127.0.0.1:${imapPort}/${path}`;
  const start = { bounces: { imap: imap(), everySeconds: 5 }, trust };

  // What came of the second notice to the busy mailbox: a delay and the end, which nobody has handed over.
  await untilReturned(directory, 5);
  await post(place.smtpPort, { subject: "Re: your message", text: "Thank you, I am back on Monday." });
  const forged = place.returned.replaceAll(/(bounces\+[0-9a-f]{32}\.)[0-9a-f]{16}@/g, "$10123456789abcdef@");
  await post(place.smtpPort, { raw: forged });
  const known = (await untilReturned(directory, 7)).length;

  await world.stop();
  await checkDoctor(world, start, imap);
  await world.start(start);
  await until(
    () => world.mailboxes(),
    ([mailbox]) => mailbox?.state === "read",
    30_000,
  );
  const read = await listFlags(imapPort, trust);
  const flagged = read.filter(({ flags }) => flags.includes("\\Flagged") && !flags.includes("\\Seen"));
  const seen = read.filter(({ flags }) => flags.includes("\\Seen") && !flags.includes("\\Flagged"));
  check(
    "every mail in the mailbox is marked",
    read.length >= known && flagged.length + seen.length === read.length,
    read,
  );
  check("what is no bounce of ours is flagged and left unread", flagged.length === 2, read);
  await until(world.pushed, ({ length }) => length === 4);
  const isOnce = world.pushed().join() === [gone, gone, busy, busy].join();
  check("what was known already changes nothing, and what was not is followed", isOnce, world.pushed());

  const id = await world.say(lost);
  const found = await until(
    () => world.find(id),
    ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
    30_000,
  );
  const source = await world.suppressedBy(lost);
  check("a new bounce is read from the mailbox", found.fate === "notified" && source === "bounce", { found, source });
  const counted = /^omb_bounces_total\{channel="email",result="ignored"\} (\d+)/m.exec(await world.metrics())?.[1];
  check("what is left is read once", counted === "2", counted);

  await dovecot.stop();
  const [away] = await until(
    () => world.mailboxes(),
    ([mailbox]) => mailbox?.state === "failing",
    30_000,
  );
  check("health says that the mailbox is away", /no connection/.test(away?.problem ?? ""), away);
  const lateId = await world.say(late);
  await until(
    () => world.logged("mailbox.failed"),
    ({ length }) => length > 1,
    30_000,
  );
  dovecot = await startDovecot({ directory, port: imapPort, password });
  await until(
    () => world.find(lateId),
    ({ notice }) => notice?.channel === "push" && notice.status === "accepted",
    60_000,
  );
  const [back] = await world.mailboxes();
  check("and reads on when it is back", back?.state === "read" && world.logged("mailbox.recovered").length === 1, back);
}

async function checkDoctor(
  world: World,
  start: { bounces: { imap: string; everySeconds: number }; trust: string },
  imap: (secret?: string, path?: string) => string,
): Promise<void> {
  const look = async (what: string, changes: { imap?: string; trust?: undefined }, expected: RegExp) => {
    const bounces = { ...start.bounces, ...(changes.imap !== undefined && { imap: changes.imap }) };
    const { stdout } = await world.run(["doctor", "--json"], { ...start, ...changes, bounces });
    const { examined } = JSON.parse(stdout) as { examined: { part: string; ok: boolean; found: string }[] };
    const one = examined.find(({ part }) => part === "channels.email.bounces");
    check(`omb doctor: ${what}`, expected.test(`${one?.ok} ${one?.found}`) && !stdout.includes(password), one);
  };
  await look("the mailbox can be read", {}, /^true logged in, 7 mails/);
  await look("a certificate that nobody trusts", { trust: undefined }, /^false its certificate/);
  await look("a wrong password", { imap: imap("another-one") }, /^false the log-in was refused/);
  await look("a mailbox that is not there", { imap: imap(password, "Returned") }, /^false there is no such mailbox/);
}

/** Puts a mail of somebody's into the mailbox that bounces come to. */
async function post(port: number, mail: { subject: string; text: string } | { raw: string }): Promise<void> {
  const transporter = createTransport({ host: "127.0.0.1", port, secure: false, ignoreTLS: true });
  const envelope = { from: `ines@${domain}`, to: [`bounces@${domain}`] };
  await transporter.sendMail({ envelope, from: `ines@${domain}`, to: `bounces@${domain}`, ...mail });
  transporter.close();
}

async function listFlags(port: number, trust: string): Promise<{ uid: number; flags: string[] }[]> {
  const client = new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: true,
    tls: { ca: readFileSync(trust) },
    auth: { user: "bounces", pass: password },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  const all = await client.fetchAll("1:*", { flags: true, uid: true });
  await client.logout();
  return all.map(({ uid, flags = new Set<string>() }) => ({ uid, flags: [...flags] }));
}

/** What lies in the mailbox that bounces come to, once it is that much. */
function untilReturned(directory: string, count: number): Promise<KeptMail[]> {
  return until(
    () => readMaildir(directory, "bounces"),
    ({ length }) => length >= count,
    30_000,
  );
}

main().then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    process.exitCode = 1;
  },
);
