/** Reaches for the other side of a channel without sending anything to anybody. */
import { createTransport } from "nodemailer";
import { request } from "undici";

/** `answer` is for people, without addresses and secrets; `mend` says what to do about a problem. */
export type Probe = { ok: true; answer: string } | { ok: false; answer: string; mend: string };

/** What a channel of the settings is reached by. */
export type ProbedChannel =
  | { type: "http" | "forward"; url: string; timeoutMs: number }
  | { type: "email"; smtp: string; timeoutMs: number }
  | { type: "telegram"; token: string; url?: string | undefined; timeoutMs: number }
  | {
      type: "sms";
      timeoutMs: number;
      twilio: { accountSid: string; authToken: string; baseUrl?: string | undefined };
    }
  | { type: "webchat" };

/** Never throws for what the other side does. */
export async function probeChannel(channel: ProbedChannel): Promise<Probe> {
  switch (channel.type) {
    case "http":
    case "forward":
      return probeAdapter(channel.url, channel.timeoutMs);
    case "email":
      return probeMailServer(channel.smtp, channel.timeoutMs);
    case "telegram":
      return probeTelegram(channel);
    case "sms":
      return probeTwilio(channel);
    case "webchat":
      return { ok: true, answer: "served by the bridge itself" };
    default:
      return channel satisfies never;
  }
}

/** OPTIONS carries out nothing; what counts is that somebody speaks HTTP there. */
async function probeAdapter(url: string, timeoutMs: number): Promise<Probe> {
  const asked = await ask("OPTIONS", url, timeoutMs);
  if (asked.status === undefined) {
    return { ok: false, answer: asked.problem, mend: "start the adapter, or correct the channel's url" };
  }
  const answer = `HTTP ${asked.status}`;
  if (asked.status < 502 || asked.status > 504) return { ok: true, answer: `reachable (${answer})` };
  return { ok: false, answer, mend: "a gateway answers, but the adapter behind it does not: start it" };
}

/** Connects and logs in (SMTP EHLO, STARTTLS where offered, AUTH). */
async function probeMailServer(smtp: string, timeoutMs: number): Promise<Probe> {
  const timeouts = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs };
  const transporter = createTransport({ url: smtp, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  try {
    await transporter.verify();
    return { ok: true, answer: "connected and logged in" };
  } catch (error) {
    const { code, responseCode } = error as { code?: string; responseCode?: number };
    const answer = [code ?? "no connection", responseCode].filter((part) => part !== undefined).join(" ");
    const mend =
      code === "EAUTH"
        ? "correct the user and the password in the smtp URL (SMTP_URL)"
        : "correct host and port of the smtp URL (SMTP_URL), or let the bridge through to it";
    return { ok: false, answer, mend };
  } finally {
    transporter.close();
  }
}

async function probeTelegram(channel: Extract<ProbedChannel, { type: "telegram" }>): Promise<Probe> {
  const base = (channel.url ?? "https://api.telegram.org").replace(/\/$/, "");
  const asked = await ask("GET", `${base}/bot${channel.token}/getMe`, channel.timeoutMs);
  if (asked.status === 200) return { ok: true, answer: "the bot is known" };
  if (asked.status === undefined)
    return { ok: false, answer: asked.problem, mend: "let the bridge through to Telegram" };
  const mend = asked.status === 401 || asked.status === 404 ? "correct the bot's token" : "try again later";
  return { ok: false, answer: `HTTP ${asked.status}`, mend };
}

/** Reads the account itself (https://www.twilio.com/docs/iam/api/account). */
async function probeTwilio({ twilio, timeoutMs }: Extract<ProbedChannel, { type: "sms" }>): Promise<Probe> {
  const base = (twilio.baseUrl ?? "https://api.twilio.com").replace(/\/$/, "");
  const credentials = Buffer.from(`${twilio.accountSid}:${twilio.authToken}`).toString("base64");
  const headers = { authorization: `Basic ${credentials}` };
  const asked = await ask("GET", `${base}/2010-04-01/Accounts/${twilio.accountSid}.json`, timeoutMs, headers);
  if (asked.status === 200) return { ok: true, answer: "logged in" };
  if (asked.status === undefined) return { ok: false, answer: asked.problem, mend: "let the bridge through to Twilio" };
  const isRefused = asked.status === 401 || asked.status === 403 || asked.status === 404;
  const mend = isRefused ? "correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" : "try again later";
  return { ok: false, answer: `HTTP ${asked.status}`, mend };
}

async function ask(
  method: "GET" | "OPTIONS",
  url: string,
  timeoutMs: number,
  headers: Record<string, string> = {},
): Promise<{ status: number } | { status: undefined; problem: string }> {
  try {
    const answer = await request(url, { method, headers, signal: AbortSignal.timeout(timeoutMs) });
    await answer.body.dump();
    return { status: answer.statusCode };
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string };
    return {
      status: undefined,
      problem: name === "TimeoutError" ? "no answer in time" : `no answer (${code ?? name})`,
    };
  }
}
