import { Command } from "commander";
import { createAdapterForwarder, createWebhookForwarder, type Forwarder, type StreamedCapture } from "../app/forward";
import type { Config } from "../config";
import { StartError } from "../errors";
import { followBridge } from "./follow";
import type { CommandContext } from "./output";
import { requireConfig } from "./settings";

interface ListenOptions {
  forward?: string;
  as: string;
  secret?: string;
  integration?: string;
  json?: boolean;
}

export function listenCommand({ output, env }: CommandContext): Command {
  return new Command("listen")
    .description("Pass what a running bridge receives on to an adapter or middleware under development.")
    .option("--forward <url>", "where to; needed")
    .option(
      "--as <form>",
      "webhook: byte for byte as Genesys Cloud sent it; adapter: as the bridge delivers",
      "webhook",
    )
    .option("--secret <whsec>", "signs what an adapter gets; the secret of the integration's channel when absent")
    .option("--integration <name>", "only this integration, by name or id")
    .option("--json", "print a line of JSON for each")
    .addHelpText("after", "\nExample:\n  omb listen --forward http://127.0.0.1:4100/webhook\n")
    .action(async (options: ListenOptions) => {
      const { config } = requireConfig(env);
      const { forward = "" } = options;
      const url = URL.canParse(forward) ? new URL(forward) : undefined;
      if (url?.protocol !== "http:" && url?.protocol !== "https:") {
        throw new StartError(`--forward: an http(s) URL is expected, found ${forward === "" ? "none" : forward}`);
      }
      const forwarder = openForwarder(config, url.href, options);
      const query = new URLSearchParams({ captures: "1" });
      if (options.integration !== undefined) query.set("integration", options.integration);
      try {
        output.stderr.write(`Listening; what comes in goes to ${url.href}. Ctrl-C ends it.\n`);
        for await (const { event, data } of followBridge(config, `/stream?${query}`, output.stderr)) {
          if (event !== "capture") continue;
          const capture = data as StreamedCapture;
          const result = await forwarder.forward(capture);
          if (result === undefined) continue;
          const { receivedAt, kind, id } = capture;
          const line = options.json
            ? JSON.stringify({ receivedAt, kind, id, ...result })
            : `${receivedAt.slice(11, 23)}  ${kind.padEnd(11)}  ${id}  ${result.answer}`;
          output.stdout.write(`${line}\n`);
        }
      } finally {
        await forwarder.close();
      }
    });
}

function openForwarder(config: Config, url: string, { as, secret, integration }: ListenOptions): Forwarder {
  if (as === "webhook") return createWebhookForwarder(config, url);
  if (as !== "adapter") throw new StartError(`--as: webhook or adapter is expected, found ${as}`);
  const chosen = config.integrations.find(
    ({ name, id }) => integration === undefined || [name, id].includes(integration),
  );
  const channel = config.channels.find(({ name }) => name === chosen?.channel);
  const found = secret ?? (channel?.type === "http" ? channel.secret : undefined);
  if (found === undefined) throw new StartError("--secret: the integration's channel has none, so say which one signs");
  return createAdapterForwarder(config, url, found);
}
