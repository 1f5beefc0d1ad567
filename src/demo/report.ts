/** What the demo prints when the story is over: fates, mails, and how to go on. */
import { formatTable } from "../cli/output";
import type { Mail } from "./inbox";
import type { Paint } from "./narrator";
import type { Stage } from "./stage";
import { webhookSecret } from "./story";
import type { FateRow, Verdict } from "./verdict";

const headings = ["MESSAGE", "KIND", "TO", "EXPECTED", "FATE", "RECEIPT AT GENESYS", ""];

export function formatFates(rows: readonly FateRow[], paint: Paint): string {
  const cells = rows.map((row) => [
    row.message,
    row.kind,
    row.recipient,
    row.expected,
    row.fate,
    row.receipt,
    row.problems.length === 0 ? paint("green", "ok") : paint("red", row.problems.join(", ")),
  ]);
  const [head = "", ...lines] = indent(formatTable(headings, cells, [30])).split("\n");
  return [paint("dim", head), ...lines].join("\n");
}

export function formatMail({ from, to, date, subject, text, hasHtml }: Mail, paint: Paint): string {
  const fields = [
    ["From", from],
    ["To", to.join(", ")],
    ["Date", date],
    ["Subject", subject],
  ];
  const lines = [
    ...fields.map(([name, value]) => `${name}: ${value}`),
    "",
    ...text.split("\n"),
    ...(hasHtml ? ["", "(and the same as HTML)"] : []),
  ];
  return lines.map((line) => `  ${paint("dim", "│")} ${line}`.trimEnd()).join("\n");
}

export function formatVerdict({ ok, rows, problems }: Verdict, paint: Paint): string {
  if (ok)
    return paint("green", `All ${rows.length} messages met the fate they were expected to, and so did the mails.`);
  const count = rows.reduce((sum, row) => sum + row.problems.length, problems.length);
  const lead = paint("red", `${count} ${count === 1 ? "thing is" : "things are"} not as expected.`);
  return [lead, ...problems.map((problem) => `  ${problem}`)].join("\n");
}

/** How to go on from here, with commands that work as they stand. */
export function formatAfterword(stage: Stage, paint: Paint): string {
  const { url, webhookUrl, adminTokenFile, logFile, directory, simulator } = stage;
  const places = [
    ["webhook", webhookUrl],
    ["API", `${url}/api/v1/messages`],
    ["admin token", adminTokenFile],
    ["bridge's log", logFile],
    ["Genesys Cloud", `${simulator.url} (the simulator)`],
  ];
  const lookUp = `curl -s -H "Authorization: Bearer $(cat ${adminTokenFile})" ${url}/api/v1/messages`;
  return [
    paint("bold", "The bridge goes on running."),
    "",
    ...places.map(([name, place]) => `  ${name?.padEnd(15)}${place}`),
    "",
    "Send Ada one more signed message, from another terminal:",
    "",
    ...sampleRequest(webhookUrl).map((line) => `  ${paint("cyan", line)}`),
    "",
    "Sent again, it is known as a duplicate and not delivered twice. What became of it:",
    "",
    `  ${paint("cyan", `${lookUp}/by-hand-1`)}`,
    "",
    `Ctrl-C ends the demo and removes ${directory}.`,
    "",
  ].join("\n");
}

/** A signed webhook as commands for a shell; the README shows the same. */
export function sampleRequest(webhookUrl: string): string[] {
  const body = JSON.stringify({
    id: "by-hand-1",
    channel: { to: { id: "ada", idType: "Opaque" }, time: "2026-09-14T08:15:30.000Z" },
    type: "Text",
    text: "Hello Ada",
    direction: "Outbound",
  });
  return [
    `body='${body}'`,
    `signature=$(printf %s "$body" | openssl dgst -sha256 -hmac ${webhookSecret} -binary | base64)`,
    `curl -H "X-Hub-Signature-256: sha256=$signature" -H "Content-Type: application/json" \\`,
    `  -d "$body" ${webhookUrl}`,
  ];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
