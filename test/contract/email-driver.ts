import { retry } from "../channels/deliveries";
import { startScriptedMailServer, type Turn } from "../channels/mail-server";
import type { ChannelDriver, Expectations } from "./driver";

const turns: Record<string, Turn> = {
  accepts: "250 2.1.5 ok",
  refuses: "550 5.1.1 nobody of that name",
  "is busy": "451 4.7.1 too many, come back later",
  "is broken": "451 4.3.0 local trouble",
  "is silent": "silence",
};

export const emailDriver: ChannelDriver & Expectations = {
  type: "email",
  recipient: { id: "ines@example.org", idType: "Email" },
  refusal: "InvalidDestination",
  confirms: "accepted",
  repeatable: false,
  isAskedTwice: true,
  async start() {
    const script: { RCPT?: Turn } = {};
    const server = await startScriptedMailServer(script);
    return {
      url: server.url,
      behave: (manner) => {
        script.RCPT = turns[manner] ?? "silence";
      },
      taken: () => server.commands.filter((command) => command === ".").length,
      stop: server.stop,
    };
  },
  settings: (smtp, timeoutMs) => ({
    type: "email",
    name: "email",
    smtp,
    from: "Harborline <noreply@harborline.example>",
    timeoutMs,
    retry,
  }),
};
