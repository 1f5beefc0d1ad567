import type { NoticeContent, OutboundDelivery, Outcome } from "../../src/channels/channel";
import { createEmailChannel } from "../../src/channels/email";
import { deliveryOf, messageFields, retry, textMessage } from "./deliveries";
import { refusal, startMailServer, startScriptedMailServer, type Turn } from "./mail-server";

const now = new Date("2026-11-20T10:00:00.000Z");
const closing: (() => Promise<void> | undefined)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function createChannel(smtp: string, timeoutMs = 5_000) {
  const addresses = { from: "Harborline <noreply@harborline.example>", replyTo: "desk@harborline.example" };
  const channel = createEmailChannel({ name: "email", smtp, ...addresses, timeoutMs, retry }, { now: () => now });
  closing.push(async () => channel.close?.());
  return channel;
}

async function startServer(options: Parameters<typeof startMailServer>[0] = {}) {
  const server = await startMailServer(options);
  closing.push(server.stop);
  return server;
}

async function sendToScript(script: Partial<Record<string, Turn>>, timeoutMs?: number): Promise<Outcome> {
  const server = await startScriptedMailServer(script);
  closing.push(server.stop);
  return createChannel(server.url, timeoutMs).send(noticeDelivery());
}

function noticeDelivery(notice: Partial<NoticeContent> = {}): OutboundDelivery {
  const content = { to: "ines@example.org", subject: "2 messages missed", text: "Marta wrote to you.\n", ...notice };
  return deliveryOf(textMessage(), { notice: content });
}

function messageTo(id: string): OutboundDelivery {
  return deliveryOf(textMessage({ recipient: { id, idType: "Email" } }));
}

describe("a notice", () => {
  test("arrives as text and HTML, marked as written by a program, with what bounces need", async () => {
    const server = await startServer();
    const delivery = noticeDelivery({
      subject: "2 Nachrichten verpaßt 🙏",
      html: "<p>Marta wrote to you.</p>",
      replyTo: "reply+17@harborline.example",
      language: "de-AT",
      returnPath: "bounce+17@harborline.example",
      unsubscribeUrl: "https://bridge.example/unsubscribe/abc?x=1&y=2",
    });
    const messageId = `<${delivery.deliveryId}@harborline.example>`;

    expect(await createChannel(server.url).send(delivery)).toEqual({
      status: "accepted",
      providerMessageId: messageId,
      answer: "250",
    });
    expect(server.received).toHaveLength(1);
    const [received] = server.received;
    expect(received?.mail).toMatchObject({
      from: { name: "Harborline", address: "noreply@harborline.example" },
      to: [{ address: "ines@example.org" }],
      subject: "2 Nachrichten verpaßt 🙏",
      text: expect.stringMatching(/^Marta wrote to you\.\s+$/),
      html: expect.stringContaining("<p>Marta wrote to you.</p>"),
      messageId,
      date: now.toISOString(),
      replyTo: [{ address: "reply+17@harborline.example" }],
    });
    const header = (name: string) => received?.mail.headers.find(({ key }) => key === name)?.value;
    expect(header("auto-submitted")).toBe("auto-generated");
    expect(header("content-language")).toBe("de-AT");
    expect(header("list-unsubscribe")).toBe("<https://bridge.example/unsubscribe/abc?x=1&y=2>");
    expect(header("list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
    expect(received?.envelope).toMatchObject({
      mailFrom: { address: "bounce+17@harborline.example" },
      rcptTo: [{ address: "ines@example.org" }],
      dsn: { ret: "HDRS", envid: delivery.deliveryId },
    });
    expect(received?.envelope.rcptTo[0]).toMatchObject({
      dsn: { notify: ["FAILURE", "DELAY"], orcpt: "rfc822;ines@example.org" },
    });
  });

  test("keeps its Message-ID over all tries", async () => {
    const server = await startServer();
    const channel = createChannel(server.url);
    await channel.send({ ...noticeDelivery(), attempt: 1 });
    await channel.send({ ...noticeDelivery(), attempt: 2 });
    const [first, second] = server.received;
    expect(second?.mail.messageId).toBe(first?.mail.messageId);
    expect(first?.mail.messageId).toContain(noticeDelivery().deliveryId);
  });

  test("cannot bring a header of its own", async () => {
    const server = await startServer();
    const subject = "Hello\r\nBcc: evil@example.com\r\n\r\nbody";
    await createChannel(server.url).send(noticeDelivery({ subject, language: "en\r\nX-Evil: 1" }));
    const [received] = server.received;
    expect(received?.envelope.rcptTo.map(({ address }) => address)).toEqual(["ines@example.org"]);
    expect(received?.mail.bcc).toBeUndefined();
    expect(received?.mail.headers.map(({ key }) => key)).not.toContain("x-evil");
    expect(received?.mail.text).toBe("Marta wrote to you.\n");
  });

  test("reads no file and no page of ours", async () => {
    const server = await startServer();
    const html = '<img src="file:///etc/passwd"><img src="http://127.0.0.1:9/x.png">';
    expect(await createChannel(server.url).send(noticeDelivery({ html }))).toMatchObject({ status: "accepted" });
    expect(server.received[0]?.mail.attachments).toEqual([]);
  });
});

describe("a message of a conversation held by e-mail", () => {
  test("goes to its recipient, and the mails of a conversation belong together", async () => {
    const server = await startServer();
    await createChannel(server.url).send(messageTo("ines@example.org"));
    const [received] = server.received;
    expect(received?.mail).toMatchObject({
      to: [{ address: "ines@example.org" }],
      subject: "Marta",
      replyTo: [{ address: "desk@harborline.example" }],
      text: "Good morning, this is Marta.\n",
      references: "<cf36d182-0e48-570f-8982-7083bdb6c45b@harborline.example>",
    });
    expect(received?.mail.headers.map(({ key }) => key)).not.toContain("auto-submitted");
  });

  test("by a bot says that a program wrote it", async () => {
    const server = await startServer();
    const message = textMessage({ recipient: { id: "ines@example.org", idType: "Email" }, sender: { origin: "bot" } });
    await createChannel(server.url).send(deliveryOf(message));
    expect(server.received[0]?.mail.headers).toContainEqual(expect.objectContaining({ key: "auto-submitted" }));
  });

  test("with a file brings its link", async () => {
    const server = await startServer();
    const message = {
      kind: "media" as const,
      ...messageFields(),
      recipient: { id: "ines@example.org", idType: "Email" },
      text: "Your pass:",
      attachments: [{ mediaType: "File", url: "https://files.example/pass.pdf", filename: "pass.pdf" }],
    };
    await createChannel(server.url).send(deliveryOf(message));
    expect(server.received[0]?.mail.text).toBe("Your pass:\npass.pdf: https://files.example/pass.pdf\n");
  });

  test("with choices writes them out", async () => {
    const server = await startServer();
    const elements = ["Seat", "Two-berth"].map((text) => ({
      contentType: "QuickReply",
      quickReply: { text, payload: text },
    }));
    const recipient = { id: "ines@example.org", idType: "Email" };
    await createChannel(server.url).send(
      deliveryOf({ kind: "structured", ...messageFields(), recipient, text: "Which cabin?", elements }),
    );
    expect(server.received[0]?.mail.text).toBe("Which cabin?\n1. Seat\n2. Two-berth\n");
  });

  test("of which a mail can show nothing is not sent", async () => {
    const message = {
      kind: "structured" as const,
      ...messageFields(),
      recipient: { id: "ines@example.org", idType: "Email" },
    };
    const outcome = await createChannel("smtp://127.0.0.1:9").send(deliveryOf(message));
    expect(outcome).toMatchObject({ status: "failed", retryable: false, reason: { code: "UnsupportedMessage" } });
  });
});

describe("an address", () => {
  test.each([
    ["ines@münchen.example", "ines@xn--mnchen-3ya.example"],
    ["дмитрий@пример.example", "дмитрий@пример.example"],
    ['"john smith"@example.org', '"john smith"@example.org'],
    ['"a@b"@example.org', '"a@b"@example.org'],
    ['"a;b"@example.org', '"a;b"@example.org'],
  ])("%p is one recipient", async (to, onTheWire) => {
    const server = await startScriptedMailServer({ EHLO: "250-mail.example\r\n250 SMTPUTF8" });
    closing.push(server.stop);
    expect(await createChannel(server.url).send(noticeDelivery({ to }))).toMatchObject({ status: "accepted" });
    expect(server.commands.filter((command) => command.startsWith("RCPT"))).toEqual([`RCPT TO:<${onTheWire}>`]);
  });

  test.each([
    "crew-7781",
    "ok@example.org\r\nBcc: evil@example.com",
    "friends: evil@example.com;",
    "a@example.org, b@example.org",
    "",
  ])("%p goes nowhere", async (id) => {
    const server = await startServer();
    const channel = createChannel(server.url);
    const refused = { status: "failed", retryable: false, reason: { code: "InvalidDestination" } };
    expect(await channel.send(messageTo(id))).toMatchObject(refused);
    expect(await channel.send(noticeDelivery({ to: id }))).toMatchObject(refused);
    expect(server.received).toHaveLength(0);
  });
});

describe("a refusal by the server", () => {
  const at = (step: "RCPT" | "content" | "MAIL", line: string) => sendToScript({ [step]: line });

  test.each([
    ["RCPT", "550 5.1.1 <ines@example.org> no such user", "InvalidDestination", "RCPT TO: 550 5.1.1"],
    ["RCPT", "550 no such user", "InvalidDestination", "RCPT TO: 550"],
    ["RCPT", "553 5.1.3 bad address", "InvalidDestination", "RCPT TO: 553 5.1.3"],
    ["RCPT", "550 5.2.1 mailbox disabled", "InvalidDestination", "RCPT TO: 550 5.2.1"],
    ["RCPT", "550 5.4.1 Recipient address rejected", "InvalidDestination", "RCPT TO: 550 5.4.1"],
    ["RCPT", "552 5.2.2 mailbox full", "GeneralError", "RCPT TO: 552 5.2.2"],
    ["RCPT", "552 mailbox full", "GeneralError", "RCPT TO: 552"],
    ["RCPT", "550 5.7.1 not allowed", "MessageNotAllowed", "RCPT TO: 550 5.7.1"],
    ["content", "554 5.7.1 looks like spam", "DataFiltered", "DATA: 554 5.7.1"],
    ["content", "550 spam", "DataFiltered", "DATA: 550"],
    ["content", "552 5.3.4 too large", "InvalidMediaContentLength", "DATA: 552 5.3.4"],
    ["content", "554 5.6.0 malformed", "InvalidMessageStructure", "DATA: 554 5.6.0"],
    ["content", "550-5.7.26 first line\r\n550 5.7.26 second line", "DataFiltered", "DATA: 550 5.7.26"],
    ["MAIL", "552 5.3.4 too large", "InvalidMediaContentLength", "MAIL FROM: 552 5.3.4"],
  ] as const)("%s %p is final: %s", async (step, line, code, answer) => {
    const outcome = await at(step, line);
    expect(outcome).toEqual({
      status: "failed",
      retryable: false,
      reason: { code, message: expect.any(String) },
      answer,
    });
    expect(JSON.stringify(outcome)).not.toContain("ines@");
  });

  test.each([
    ["RCPT", "450 4.2.1 mailbox busy", "ServerError", "RCPT TO: 450 4.2.1"],
    ["RCPT", "451 4.7.1 greylisted", "RateLimited", "RCPT TO: 451 4.7.1"],
    ["RCPT", "452 4.2.2 mailbox full", "ServerError", "RCPT TO: 452 4.2.2"],
    ["content", "451 4.3.0 try later", "ServerError", "DATA: 451 4.3.0"],
    ["content", "421 4.3.2 shutting down", "ServerError", "DATA: 421 4.3.2"],
    ["MAIL", "550 5.7.1 sender not allowed", "ServerError", "MAIL FROM: 550 5.7.1"],
    ["MAIL", "530 5.7.0 must issue STARTTLS", "ServerError", "MAIL FROM: 530 5.7.0"],
    ["MAIL", "503 5.5.1 out of step", "ServerError", "MAIL FROM: 503 5.5.1"],
  ] as const)("%s %p is tried again: %s", async (step, line, code, answer) => {
    expect(await at(step, line)).toEqual({
      status: "failed",
      retryable: true,
      reason: { code, message: expect.any(String) },
      answer,
    });
  });

  test("at the door is tried again", async () => {
    expect(await sendToScript({ greeting: "554 5.7.1 no service for you" })).toMatchObject({ retryable: true });
    expect(await sendToScript({ greeting: "421 4.7.0 too many connections" })).toMatchObject({ retryable: true });
  });

  test("of our login is tried again: the recipient has no part in it", async () => {
    const server = await startServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_, __, done) => done(refusal(535, "5.7.8 bad credentials")),
    });
    const outcome = await createChannel(server.url.replace("//", "//bridge:wrong@")).send(noticeDelivery());
    expect(outcome).toMatchObject({ status: "failed", retryable: true, reason: { code: "ServerError" } });
    expect(JSON.stringify(outcome)).not.toContain("wrong");
  });

  test("leaves the pool working for the next recipient", async () => {
    const server = await startServer({
      onRcptTo: ({ address }, _, done) => done(address.startsWith("gone") ? refusal(550, "no such user") : null),
    });
    const channel = createChannel(server.url);
    expect(await channel.send(noticeDelivery({ to: "gone@example.org" }))).toMatchObject({ status: "failed" });
    expect(await channel.send(noticeDelivery())).toMatchObject({ status: "accepted" });
    expect(server.received).toHaveLength(1);
  });
});

describe("a connection", () => {
  test("to a server with a certificate nobody vouches for is refused, and tried again", async () => {
    const server = await startServer({ disabledCommands: [] });
    expect(await createChannel(server.url).send(noticeDelivery())).toMatchObject({
      status: "failed",
      retryable: true,
      reason: { code: "ServerError" },
    });
    expect(server.received).toHaveLength(0);
  });

  test("that cannot be made is tried again", async () => {
    const server = await startMailServer();
    await server.stop();
    const outcome = await createChannel(server.url).send(noticeDelivery());
    expect(outcome).toMatchObject({ status: "failed", retryable: true, reason: { code: "ServerError" } });
    expect(JSON.stringify(outcome)).not.toContain("127.0.0.1");
  });

  test.each(["greeting", "EHLO", "MAIL", "RCPT", "DATA"] as const)("lost at %s is tried again", async (step) => {
    const outcome = await sendToScript({ [step]: "hang up" });
    expect(outcome).toMatchObject({ status: "failed", retryable: true });
    expect(outcome).not.toHaveProperty("uncertain");
  });

  test.each(["greeting", "EHLO", "MAIL", "RCPT", "DATA"] as const)("silent at %s is tried again", async (step) => {
    const outcome = await sendToScript({ [step]: "silence" }, 300);
    expect(outcome).toMatchObject({ status: "failed", retryable: true, answer: "no answer in time" });
  });

  test("lost after the last byte is uncertain, and the mail is not sent twice", async () => {
    const server = await startScriptedMailServer({ content: "hang up" });
    closing.push(server.stop);
    expect(await createChannel(server.url).send(noticeDelivery())).toMatchObject({
      status: "failed",
      retryable: false,
      uncertain: true,
      reason: { code: "ServerError" },
    });
    expect(server.sessions()).toBe(1);
  });

  test("silent after the last byte is uncertain", async () => {
    expect(await sendToScript({ content: "silence" }, 300)).toMatchObject({
      retryable: false,
      uncertain: true,
      answer: "no answer in time",
    });
  });

  test("is used again for the next mail", async () => {
    const server = await startServer();
    const channel = createChannel(server.url);
    for (let one = 0; one < 3; one += 1) await channel.send(noticeDelivery());
    expect(server.received).toHaveLength(3);
    expect(server.sessions()).toBe(1);
  });
});

test("what it declares", () => {
  expect(createChannel("smtp://127.0.0.1:9")).toMatchObject({
    type: "email",
    confirms: "accepted",
    repeatable: false,
    accepts: { kinds: ["text"] },
  });
});
