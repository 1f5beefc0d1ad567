import { retry } from "../channels/deliveries";
import { account, type Manner, startTwilio } from "../channels/twilio-server";
import type { ChannelDriver, Expectations } from "./driver";

const manners: Record<string, Manner> = {
  accepts: "accepts",
  refuses: { status: 400, code: 21614 },
  "is busy": { status: 429, code: 20429 },
  "is broken": { status: 503, text: "<html>Service Unavailable</html>" },
  "is silent": "is silent",
};

export const smsDriver: ChannelDriver & Expectations = {
  type: "sms",
  recipient: { id: "+436641234567", idType: "Phone" },
  refusal: "InvalidDestination",
  confirms: "accepted",
  repeatable: false,
  isAskedTwice: false,
  async start() {
    const twilio = await startTwilio();
    return {
      url: twilio.url,
      behave: (manner) => twilio.behave(manners[manner] ?? "is silent"),
      taken: () => twilio.messages.length,
      stop: twilio.stop,
    };
  },
  settings: (baseUrl, timeoutMs) => ({
    type: "sms",
    name: "sms",
    twilio: { ...account, from: "+43123456789", baseUrl },
    timeoutMs,
    retry,
  }),
};
