import { retry } from "../channels/deliveries";
import { answerWith, startLocalServer, type Answer } from "../channels/local-server";
import type { ChannelDriver, Expectations, OtherSide } from "./driver";

type Manner = Parameters<OtherSide["behave"]>[0];

const adapterAnswers: Record<Manner, Answer> = {
  accepts: answerWith(200, { status: "accepted", providerMessageId: "wa-17" }),
  refuses: answerWith(422, { code: "InvalidDestination", message: "nobody of that name" }),
  "is busy": answerWith(429, "", { "retry-after": "2" }),
  "is broken": answerWith(500, "Oops"),
  "is silent": () => {},
};

/** An HTTP server that meets requests as told. */
export async function startAnsweringServer(answers: Record<Manner, Answer>): Promise<OtherSide> {
  const server = await startLocalServer(answers.accepts);
  let manner: Manner = "accepts";
  let taken = 0;
  server.answer((response, received, request) => {
    if (manner === "accepts") taken += 1;
    answers[manner](response, received, request);
  });
  return {
    url: server.url,
    behave: (next) => {
      manner = next;
    },
    taken: () => taken,
    stop: server.stop,
  };
}

export const httpDriver: ChannelDriver & Expectations = {
  type: "http",
  recipient: { id: "crew-7781", idType: "Opaque" },
  refusal: "InvalidDestination",
  confirms: "delivered",
  repeatable: true,
  isAskedTwice: true,
  start: () => startAnsweringServer(adapterAnswers),
  settings: (url, timeoutMs) => ({
    type: "http",
    name: "chat",
    url,
    secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    confirms: "delivered",
    timeoutMs,
    retry,
  }),
};

export const forwardDriver: ChannelDriver & Expectations = {
  type: "forward",
  recipient: { id: "crew-7781", idType: "Opaque" },
  refusal: undefined,
  confirms: "accepted",
  repeatable: true,
  isAskedTwice: true,
  start: () => startAnsweringServer({ ...adapterAnswers, accepts: answerWith(200, "EVENT_RECEIVED") }),
  settings: (url, timeoutMs) => ({
    type: "forward",
    name: "legacy",
    url,
    secret: "a-secret-token-0001",
    timeoutMs,
    retry,
  }),
};
