/** A Postfix of its own: configuration, queue and log under one directory, beside whatever Postfix the machine has. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, type Service, startService } from "./programs";

export interface PostfixSettings {
  directory: string;
  port: number;
  /** Mail of this domain is put into `mail/NAME/Maildir`, for these names, whatever follows a `+`. */
  domain: string;
  names: string[];
  /** Where mail of other domains is handed on to: ports on this machine. */
  hops: Record<string, number>;
}

/** Whom mails on disk belong to. */
const owner = { uid: 65_534, gid: 65_534 };

export async function startPostfix(settings: PostfixSettings): Promise<Service & { log(): string }> {
  const { directory, port, names, domain, hops } = settings;
  const config = join(directory, "postfix");
  const path = (name: string) => join(config, name);
  const logFile = path("log");
  for (const name of ["", "queue", "data"]) mkdirSync(path(name), { recursive: true });
  mkdirSync(join(directory, "mail"), { recursive: true });
  await run("chown", ["postfix", path("data")]);
  await run("chown", [`${owner.uid}:${owner.gid}`, join(directory, "mail")]);

  const mailboxes = names.map((name) => `${name}@${domain} ${name}/Maildir/\n`).join("");
  writeFileSync(path("mailboxes"), mailboxes);
  const transports = Object.entries(hops).map(([name, hop]) => `${name} smtp:[127.0.0.1]:${hop}\n`);
  writeFileSync(path("transports"), transports.join(""));
  writeFileSync(path("main.cf"), writeMain({ ...settings, path, logFile }));
  writeFileSync(path("master.cf"), writeMaster(port));

  const service = await startService("postfix", ["-c", config, "start-fg"], [port], ["-c", config, "stop"]);
  return { ...service, log: () => readFileSync(logFile, "utf8") };
}

function writeMain({
  directory,
  domain,
  path,
  logFile,
}: PostfixSettings & { path(name: string): string; logFile: string }) {
  return Object.entries({
    compatibility_level: "3.6",
    queue_directory: path("queue"),
    data_directory: path("data"),
    maillog_file: logFile,
    maillog_file_prefixes: path(""),
    mail_owner: "postfix",
    setgid_group: "postdrop",
    myhostname: `mx.${domain}`,
    mydestination: "",
    mynetworks: "127.0.0.0/8",
    inet_interfaces: "127.0.0.1",
    inet_protocols: "ipv4",
    smtp_dns_support_level: "disabled",
    smtp_host_lookup: "native",
    alias_maps: "",
    alias_database: "",
    local_recipient_maps: "",
    recipient_delimiter: "+",
    virtual_mailbox_domains: domain,
    virtual_mailbox_base: join(directory, "mail"),
    virtual_mailbox_maps: `texthash:${path("mailboxes")}`,
    virtual_minimum_uid: "1",
    virtual_uid_maps: `static:${owner.uid}`,
    virtual_gid_maps: `static:${owner.gid}`,
    transport_maps: `texthash:${path("transports")}`,
    smtpd_recipient_restrictions: "permit_mynetworks, reject",
    // A mail that is put off is tried each second, told of after two and given up after eight.
    queue_run_delay: "1s",
    minimal_backoff_time: "1s",
    maximal_backoff_time: "1s",
    delay_warning_time: "2s",
    maximal_queue_lifetime: "8s",
  })
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** The services of Debian's master.cf that this needs, none in a chroot. */
function writeMaster(port: number): string {
  const rows = [
    ["127.0.0.1:" + port, "inet", "n", "-", "n", "-", "-", "smtpd"],
    ["pickup", "unix", "n", "-", "n", "60", "1", "pickup"],
    ["cleanup", "unix", "n", "-", "n", "-", "0", "cleanup"],
    ["qmgr", "unix", "n", "-", "n", "300", "1", "qmgr"],
    ["rewrite", "unix", "-", "-", "n", "-", "-", "trivial-rewrite"],
    ["bounce", "unix", "-", "-", "n", "-", "0", "bounce"],
    ["defer", "unix", "-", "-", "n", "-", "0", "bounce"],
    ["trace", "unix", "-", "-", "n", "-", "0", "bounce"],
    ["verify", "unix", "-", "-", "n", "-", "1", "verify"],
    ["flush", "unix", "n", "-", "n", "1000?", "0", "flush"],
    ["proxymap", "unix", "-", "-", "n", "-", "-", "proxymap"],
    ["smtp", "unix", "-", "-", "n", "-", "-", "smtp"],
    ["relay", "unix", "-", "-", "n", "-", "-", "smtp"],
    ["error", "unix", "-", "-", "n", "-", "-", "error"],
    ["retry", "unix", "-", "-", "n", "-", "-", "error"],
    ["discard", "unix", "-", "-", "n", "-", "-", "discard"],
    ["local", "unix", "-", "n", "n", "-", "-", "local"],
    ["virtual", "unix", "-", "n", "n", "-", "-", "virtual"],
    ["anvil", "unix", "-", "-", "n", "-", "1", "anvil"],
    ["scache", "unix", "-", "-", "n", "-", "1", "scache"],
    ["postlog", "unix-dgram", "n", "-", "n", "-", "1", "postlogd"],
  ];
  return rows.map((row) => `${row.join(" ")}\n`).join("");
}

/** A mail server at which every recipient is refused with this reply. */
export function startSink(reply: string, port: number): Promise<Service> {
  const refusal = reply.startsWith("5") ? ["-f", "RCPT", "-B", reply] : ["-r", "RCPT", "-b", reply];
  return startService("smtp-sink", ["-u", "nobody", ...refusal, `127.0.0.1:${port}`, "16"], [port]);
}
