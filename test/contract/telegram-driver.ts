import { botToken, refuse, startBotApiServer } from "../channels/bot-api-server";
import { retry } from "../channels/deliveries";
import type { ChannelDriver, Expectations } from "./driver";

const troubles = {
  accepts: undefined,
  refuses: refuse(403, "Forbidden: bot was blocked by the user"),
  "is busy": refuse(429, "Too Many Requests: retry after 2", { retry_after: 2 }),
  "is broken": refuse(502, "Bad Gateway"),
  "is silent": "silence",
} as const;

export const telegramDriver: ChannelDriver & Expectations = {
  type: "telegram",
  recipient: { id: "1001", idType: "Opaque" },
  refusal: "RecipientOptedOut",
  confirms: "accepted",
  repeatable: false,
  isAskedTwice: false,
  async start() {
    const api = await startBotApiServer();
    return {
      url: api.url,
      behave: (manner) => api.meet(() => troubles[manner]),
      taken: () => api.shown.length,
      stop: api.stop,
    };
  },
  settings: (url, timeoutMs) => ({ type: "telegram", name: "telegram", token: botToken, url, timeoutMs, retry }),
};
