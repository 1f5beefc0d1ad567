import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { previewNotice } from "../app/notice-preview";
import { BridgeError } from "../errors";
import { type CommandContext, printJson } from "./output";
import { requireConfig } from "./settings";

interface PreviewOptions {
  policy?: string;
  language?: string;
  count: string;
  html?: string;
  json?: boolean;
}

export function noticeCommand({ output, env }: CommandContext): Command {
  const notice = new Command("notice").description("What customers are told of messages that did not arrive.");
  notice
    .command("preview")
    .description("Show what a policy's notices say, from made-up messages; nothing is sent.")
    .option("--policy <name>", "a fallback policy of the settings; the only one when absent")
    .option("--language <language>", "as for a customer who speaks it, such as de-AT")
    .option("--count <n>", "how many messages were missed", "3")
    .option("--html <file>", "write the HTML part to a file, to be opened in a browser")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  omb notice preview --policy missed-chat --language de --html notice.html\n")
    .action(({ html, json, ...options }: PreviewOptions) => {
      const count = Number(options.count);
      if (!Number.isInteger(count) || count < 1)
        throw new BridgeError("invalid_field", "--count: expected a whole number from 1", "count");
      const preview = previewNotice(requireConfig(env).config, { ...options, count });
      if (html !== undefined) writeFileSync(html, preview.html);
      if (json) {
        printJson(output, preview);
        return;
      }
      const { policy, language, subject, text, sms, segments } = preview;
      output.stdout.write(
        [
          `Policy ${policy}, language ${language}`,
          `\nSubject: ${subject}\n\n${text}`,
          `SMS (${segments.segments} × ${segments.encoding}):\n${sms}`,
          ...(html === undefined ? [] : [`\nHTML written to ${html}.`]),
          "",
        ].join("\n"),
      );
    });
  return notice;
}
