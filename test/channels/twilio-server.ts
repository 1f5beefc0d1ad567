/** A Twilio to send to: accounts, messages, their list, status callbacks and incoming SMS, in the shapes of its OpenAPI file (api_v2010). */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks";
import { request } from "undici";

export const account = { accountSid: `AC${"0".repeat(32)}`, authToken: "twilio-auth-token-0001" };

export interface TwilioMessage {
  sid: string;
  to: string;
  from: string | null;
  messagingServiceSid: string | null;
  body: string;
  status: string;
  errorCode: number | null;
  statusCallback: string | null;
  createdAt: Date;
}

/** How the next messages are met; `code` is one of Twilio's. */
export type Manner =
  | "accepts"
  | "takes it and hangs up"
  | "is silent"
  | { status: number; code?: number; text?: string };

export async function startTwilio(now: () => number = Date.now) {
  const messages: TwilioMessage[] = [];
  let manner: Manner = "accepts";
  let counter = 0;
  let refusedLogins = 0;

  const server = createServer(async (req, res) => {
    const body = await buffer(req);
    const expected = `Basic ${Buffer.from(`${account.accountSid}:${account.authToken}`).toString("base64")}`;
    if (req.headers.authorization !== expected) {
      refusedLogins += 1;
      return fail(res, 401, 20003, "Authenticate");
    }
    const url = new URL(req.url ?? "/", "http://twilio");
    if (url.pathname !== `/2010-04-01/Accounts/${account.accountSid}/Messages.json`)
      return fail(res, 404, 20404, "none");
    return req.method === "GET" ? list(res, url.searchParams) : create(req, res, new URLSearchParams(String(body)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  function create(req: IncomingMessage, res: ServerResponse, form: URLSearchParams): void {
    if (manner === "is silent") return;
    if (typeof manner === "object") {
      if (manner.code === undefined) res.writeHead(manner.status).end(manner.text ?? "<html>no</html>");
      else fail(res, manner.status, manner.code, "refused");
      return;
    }
    const [to, body] = [form.get("To"), form.get("Body")];
    const [from, service] = [form.get("From"), form.get("MessagingServiceSid")];
    if (to === null) return fail(res, 400, 21604, "A 'To' phone number is required.");
    if (!/^\+[1-9]\d{6,14}$/.test(to)) return fail(res, 400, 21211, "Invalid 'To' Phone Number");
    if (body === null) return fail(res, 400, 21602, "Message body is required.");
    if (body.length > 1600)
      return fail(res, 400, 21617, "The concatenated message body exceeds the 1600 character limit");
    if (from === null && service === null) return fail(res, 400, 21603, "A 'From' phone number is required");
    counter += 1;
    const message: TwilioMessage = {
      sid: `SM${String(counter).padStart(32, "0")}`,
      to,
      from,
      messagingServiceSid: service,
      body,
      status: service === null ? "queued" : "accepted",
      errorCode: null,
      statusCallback: form.get("StatusCallback"),
      createdAt: new Date(now()),
    };
    messages.push(message);
    if (manner === "takes it and hangs up") {
      req.socket.destroy();
      return;
    }
    send(res, 201, describe(message));
  }

  function list(res: ServerResponse, query: URLSearchParams): void {
    const found = messages.filter((one) => one.to === (query.get("To") ?? one.to)).reverse();
    send(res, 200, { messages: found.map(describe), page: 0, page_size: 50, next_page_uri: null, uri: "/" });
  }

  function sign(url: string, params: Record<string, string>): string {
    return getExpectedTwilioSignature(account.authToken, url, params);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    messages,
    refusedLogins: () => refusedLogins,
    behave(next: Manner): void {
      manner = next;
    },
    sign,
    /** Changes a message's status and reports it to where the message asked for; `at` is where that host really is. */
    async report(message: TwilioMessage, status: string, at: string, errorCode?: number): Promise<number> {
      message.status = status;
      message.errorCode = errorCode ?? null;
      const error: Record<string, string> = errorCode === undefined ? {} : { ErrorCode: String(errorCode) };
      const form = {
        AccountSid: account.accountSid,
        MessageSid: message.sid,
        MessageStatus: status,
        To: message.to,
        ...error,
      };
      return (await post(message.statusCallback ?? "", form, at)).status;
    },
    /** A customer's SMS, posted to the number's webhook. */
    receive: (url: string, form: Record<string, string>, at: string) => {
      counter += 1;
      const sid = `SM${String(counter).padStart(32, "0")}`;
      return post(url, { AccountSid: account.accountSid, MessageSid: sid, To: "+4366000000", ...form }, at);
    },
    async stop(): Promise<void> {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  /** Signed for the public URL, sent to where the bridge listens. */
  async function post(url: string, form: Record<string, string>, at: string) {
    const { pathname, search } = new URL(url);
    const answer = await request(`${at}${pathname}${search}`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": sign(url, form) },
      body: new URLSearchParams(form).toString(),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }
}
export type TwilioServer = Awaited<ReturnType<typeof startTwilio>>;

function describe(message: TwilioMessage) {
  return {
    sid: message.sid,
    account_sid: account.accountSid,
    api_version: "2010-04-01",
    body: message.body,
    date_created: message.createdAt.toUTCString(),
    date_sent: null,
    date_updated: message.createdAt.toUTCString(),
    direction: "outbound-api",
    error_code: message.errorCode,
    error_message: null,
    from: message.from,
    messaging_service_sid: message.messagingServiceSid,
    num_media: "0",
    num_segments: "1",
    price: null,
    price_unit: "USD",
    status: message.status,
    subresource_uris: {},
    to: message.to,
    uri: `/2010-04-01/Accounts/${account.accountSid}/Messages/${message.sid}.json`,
  };
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function fail(res: ServerResponse, status: number, code: number, message: string): void {
  send(res, status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
}
