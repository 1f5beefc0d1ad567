import { readFileSync } from "node:fs";
import { Command } from "commander";
import { type ChannelProfile, listChannelProfiles } from "../app";
import { type Config, loadConfig } from "../config";
import { BridgeError } from "../errors";
import { degrade, type Part } from "../message/degrade";
import { showElement } from "../message/elements";
import { dedupKey, direction } from "../message/identity";
import { deliverableKinds, type Message } from "../message/message";
import { normalize } from "../message/normalize";
import { summarize } from "../message/summary";
import { listUnknownElements, listUnknownFields } from "../message/unknown-fields";
import { writeJson } from "../message/write-json";
import { parseObject } from "../webhook/body";
import { readInput } from "./input";
import { type CommandContext, formatTable } from "./output";

interface Explanation {
  message: Message;
  direction: "inbound" | "outbound";
  summary: string;
  /** Two bodies with the same key are the same message. */
  dedupKey: string;
  /** What the bridge does with it. */
  consequence: string;
  /** The channel its integration sends through; null when the settings do not say. */
  channel: string | null;
  unknownFields: string[];
  /** Content types of which nothing can be shown. */
  unknownElements: string[];
  channels: { name: string; type: string; shows: "original" | "whole" | "parts" | "nothing"; parts: Part[] }[];
}

export function explainCommand({ output, env, stdin }: CommandContext): Command {
  return new Command("explain")
    .description("Say what a webhook body means, and what each channel would show of it. Nothing is sent or stored.")
    .argument("<file>", "a webhook body, or one line of a capture file; - reads stdin")
    .option("--integration <name>", "whose webhook it came by, by name or id; else the one it names")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb explain body.json\n")
    .action(async (file: string, options: { integration?: string; json?: boolean }) => {
      const loaded = loadConfig({ env, readFile: (path) => readFileSync(path, "utf8") });
      if (!loaded.ok) output.stderr.write("No usable settings (omb check says why): channels as they are by type.\n");
      const config = loaded.ok ? loaded.config : undefined;
      const { body, integration } = readBody(await readInput(file, stdin));
      const explanation = explain(body, config, options.integration ?? integration);
      if (options.json) output.stdout.write(`${writeJson(explanation)}\n`);
      else output.stdout.write(describe(explanation));
    });
}

/** The body itself, or the one in a line of a capture file. */
function readBody(bytes: Buffer): { body: Buffer; integration?: string } {
  const parsed = parseObject(bytes);
  if (typeof parsed === "string" || typeof parsed.bodyBase64 !== "string") return { body: bytes };
  const { bodyBase64, integration } = parsed;
  const body = Buffer.from(bodyBase64, "base64");
  return typeof integration === "string" ? { body, integration } : { body };
}

function explain(body: Buffer, config: Config | undefined, named: string | undefined): Explanation {
  const parsed = parseObject(body);
  if (typeof parsed === "string") throw new BridgeError("invalid_json", parsed);
  const integration = findIntegration(config, parsed, named);
  const ids = { id: "explained", integration: integration?.name ?? named ?? "unknown" };
  const message = normalize(parsed, { ...ids, integrationId: integration?.id ?? readIntegrationId(parsed) });
  return {
    message,
    direction: direction(message),
    summary: summarize(message),
    dedupKey: dedupKey(parsed, body, ids.integration),
    consequence: foretell(message),
    channel: integration?.channel ?? null,
    unknownFields: listUnknownFields(parsed),
    unknownElements: listUnknownElements(message),
    channels: listChannelProfiles(config).map((profile) => show(message, profile)),
  };
}

function findIntegration(config: Config | undefined, body: Record<string, unknown>, named: string | undefined) {
  const wanted = named ?? readIntegrationId(body);
  return config?.integrations.find(({ name, id }) => name === wanted || id === wanted);
}

/** `channel.id` is the integration's. */
function readIntegrationId({ channel }: Record<string, unknown>): string {
  const id = (channel as { id?: unknown } | null | undefined)?.id;
  return typeof id === "string" ? id : "";
}

function foretell({ kind, recipient }: Message): string {
  if (kind === "typing") return "shown once beside the messages, if the channel can; then noted";
  if (kind === "unsupported")
    return "nothing of it can be shown: Failed receipt (UnsupportedMessage), then the fallback";
  if (!(deliverableKinds as readonly string[]).includes(kind)) return "noted: there is nothing to deliver";
  if (recipient.id === "") return "failed (InvalidMessageStructure): it names no recipient";
  return "delivered through the channel of its integration";
}

function show(message: Message, { name, type, accepts, handsOnOriginal }: ChannelProfile) {
  if (handsOnOriginal) return { name, type, shows: "original" as const, parts: [] };
  const parts = degrade(message, accepts);
  const [only] = parts;
  const isWhole = parts.length === 1 && only?.kind === message.kind;
  return {
    name,
    type,
    shows: only === undefined ? ("nothing" as const) : isWhole ? ("whole" as const) : ("parts" as const),
    parts,
  };
}

function describe(explanation: Explanation): string {
  const { message, channels, unknownFields, unknownElements } = explanation;
  const { recipient, sender } = message;
  const facts: [string, string | undefined][] = [
    ["kind", `${message.kind}, ${explanation.direction}`],
    ["what happens", explanation.consequence],
    ["summary", explanation.summary],
    ["integration", `${message.integration} (${message.integrationId || "no id"})`],
    ["channel", explanation.channel ?? undefined],
    ["recipient", recipient.id === "" ? "nobody" : `${recipient.id} (${recipient.idType})`],
    ["sender", [sender.origin, sender.nickname].filter(Boolean).join(", ")],
    ["sent", message.sentAt ?? "no time, or none that can be read"],
    ["conversation", message.conversationId],
    ["Genesys id", message.genesysMessageId ?? "none: told apart by its bytes"],
    ["dedup key", explanation.dedupKey],
    ["text", message.text === undefined ? undefined : JSON.stringify(message.text)],
    ["attachments", message.attachments?.map(writeAttachment).join(", ")],
    ["elements", message.elements?.map(({ contentType }) => contentType).join(", ")],
    ["receipt", message.kind === "receipt" ? JSON.stringify(message.receipt) : undefined],
    ["event", message.kind === "event" ? JSON.stringify(message.event) : undefined],
    ["metadata", message.metadata === undefined ? undefined : writeJson(message.metadata)],
    ["not understood", [...unknownElements, ...unknownFields].join(", ") || "nothing"],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(16)}${cut(value)}\n`]));
  const rows = channels.flatMap(({ name, type, shows, parts }) => {
    const channel = name === type ? name : `${name} (${type})`;
    if (shows === "original") return [[channel, "", "the webhook as it came", ""]];
    if (shows === "nothing") return [[channel, "", "nothing", ""]];
    return parts.map((part, index) => [
      index === 0 ? channel : "",
      `${index + 1}/${parts.length} ${part.kind}`,
      "text" in part && part.text !== undefined
        ? part.text
        : part.kind === "template"
          ? `template ${part.template.id ?? ""}`
          : "",
      describeRest(part),
    ]);
  });
  return `${lines.join("")}\n${formatTable(["CHANNEL", "PART", "SHOWS", "WITH"], rows, [28, 16, 72, 60])}`;
}

function describeRest(part: Part): string {
  if (part.kind === "typing") return `for ${part.typing.durationMs} ms`;
  const buttons = part.kind === "text" || part.kind === "media" ? (part.buttons ?? []) : [];
  const elements =
    part.elements?.filter((one) => one.contentType !== "Attachment" && showElement(one).length > 0) ?? [];
  return [
    ...(part.attachments ?? []).map(writeAttachment),
    ...buttons.map(({ text }) => `[${text}]`),
    ...elements.map(({ contentType }) => contentType),
  ].join(" ");
}

function writeAttachment({ mediaType, filename, url }: NonNullable<Message["attachments"]>[number]): string {
  return `${mediaType.toLowerCase()} ${filename ?? url ?? ""}`.trim();
}

function cut(value: string): string {
  return value.length > 200 ? `${value.slice(0, 199)}…` : value;
}
