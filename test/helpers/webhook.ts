/** What Genesys Cloud sends: bodies and their signature, made without the code under test. */
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Body = Record<string, unknown>;

/** The value of X-Hub-Signature-256. */
export function sign(body: string | Buffer, secret: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("base64")}`;
}

/** A new Genesys Cloud message id. */
export function newGenesysId(): string {
  return randomUUID().replaceAll("-", "");
}

/** A body of test/fixtures/open-messaging/outbound, as a message of its own to `to`. */
export function outboundBody(fixture: string, to: string, changes: Body = {}): Body {
  const file = join(__dirname, `../fixtures/open-messaging/outbound/${fixture}.json`);
  const body = JSON.parse(readFileSync(file, "utf8")) as Body & { channel: Body & { to?: Body } };
  const id = newGenesysId();
  const channel = {
    ...body.channel,
    messageId: id,
    to: { ...body.channel.to, id: to },
    time: new Date().toISOString(),
  };
  return { ...body, id, channel, ...changes };
}
