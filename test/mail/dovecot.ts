/** A Dovecot of its own over the mailboxes that Postfix fills: IMAP over TLS, with a certificate that nobody else trusts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, type Service, startService } from "./programs";

export interface DovecotSettings {
  directory: string;
  port: number;
  password: string;
}

/** Where the certificate is, which is its own authority. */
export const certificateOf = (directory: string) => join(directory, "dovecot/cert.pem");

/** Once for each directory; a Dovecot that is started again has the same certificate. */
export async function makeCertificate(directory: string): Promise<void> {
  mkdirSync(join(directory, "dovecot"), { recursive: true });
  const key = join(directory, "dovecot/key.pem");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const form = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await run("openssl", ["req", ...form, ...subject, "-keyout", key, "-out", certificateOf(directory)]);
}

export async function startDovecot({ directory, port, password }: DovecotSettings): Promise<Service> {
  const path = (name: string) => join(directory, "dovecot", name);
  const config = path("dovecot.conf");
  writeFileSync(
    config,
    `base_dir = ${path("run")}
state_dir = ${path("state")}
log_path = ${path("log")}
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <${certificateOf(directory)}
ssl_key = <${path("key.pem")}
mail_location = maildir:${join(directory, "mail/%n/Maildir")}
first_valid_uid = 1
passdb {
  driver = static
  args = password=${password}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=${join(directory, "mail/%n")}
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${port}
    ssl = yes
  }
}
`,
  );
  return startService("dovecot", ["-F", "-c", config], [port]);
}
