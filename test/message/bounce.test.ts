import { isDeadMailbox, readBounce, writeReturnPath } from "../../src/message/bounce";

const returnPath = "bounces@harborline.example";
const token = "0198f6a26f9b7a519c1e0d6f4a1b2c3d.0123456789abcdef";

/** As Postfix writes it. */
function notification(action: string, status: string, to = writeReturnPath(returnPath, token)): string {
  return [
    "From: MAILER-DAEMON@mx.example (Mail Delivery System)",
    `To: ${to}`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    "",
    "--b",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.example",
    "",
    "Final-Recipient: rfc822; mira@customer.example",
    `Action: ${action}`,
    `Status: ${status}`,
    "Diagnostic-Code: smtp; 550 5.1.1 unknown",
    "",
    "--b--",
    "",
  ].join("\r\n");
}

const addresses = [writeReturnPath(returnPath, token), "mira@customer.example"];

test.each([
  ["failed", "5.1.1", { kind: "bounce", status: "5.1.1", returnToken: token, addresses }],
  ["failed", "5.2.2", { kind: "bounce", status: "5.2.2", returnToken: token, addresses }],
  ["delayed", "4.4.1", { kind: "delay", returnToken: token, addresses }],
  ["delivered", "2.0.0", undefined],
])("a notification that it was %s with %s is read", (action, status, expected) => {
  expect(readBounce(notification(action, status), returnPath)).toEqual(expected);
});

test("a complaint is read", () => {
  const mail = `From: fbl@provider.example\nTo: <${writeReturnPath(returnPath, token)}>\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n`;
  expect(readBounce(mail, returnPath)).toMatchObject({ kind: "complaint", returnToken: token });
});

test.each([
  "Final-Recipient: rfc822;mira@customer.example",
  "Original-Recipient: rfc822; <mira@customer.example>",
  "Original-Rcpt-To: <mira@customer.example>",
  "To: Mira <mira@customer.example>",
])("%s names the recipient", (line) => {
  const mail = `${notification("failed", "5.1.1").replace(/Final-Recipient: .*/, "X-Nobody: a@b.example")}${line}\r\n`;
  expect(readBounce(mail, returnPath)).toMatchObject({ addresses });
});

test("mails of people, to others, and without a token are none", () => {
  const answer = `From: mira@customer.example\nTo: ${writeReturnPath(returnPath, token)}\nSubject: Re\n\nStatus: 5.1.1\nAction: failed\n`;
  expect(readBounce(answer, returnPath)).toBeUndefined();
  expect(readBounce(notification("failed", "5.1.1", "someone@else.example"), returnPath)).toBeUndefined();
  expect(readBounce(notification("failed", "5.1.1", returnPath), returnPath)).toBeUndefined();
  expect(readBounce("", returnPath)).toBeUndefined();
});

test.each([
  ["5.1.1", true],
  ["5.1.10", true],
  ["5.2.1", true],
  ["RCPT TO: 550 5.1.1", true],
  ["5.1.7", false],
  ["5.1.8", false],
  ["5.2.2", false],
  ["5.7.1", false],
  ["4.1.1", false],
  ["", false],
])("%s tells of a dead mailbox: %s", (answer, expected) => {
  expect(isDeadMailbox(answer)).toBe(expected);
});
