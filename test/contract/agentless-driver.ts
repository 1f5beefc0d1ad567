/** Genesys Cloud as the other side of the channels that it carries. */
import { agentlessThrough } from "../../src/app/agentless";
import { createGenesysClient, type GenesysClient } from "../../src/genesys/client";
import { retry } from "../channels/deliveries";
import { type Reply, startGenesys } from "../genesys/genesys-server";
import type { ChannelDriver, Expectations } from "./driver";

const clients: GenesysClient[] = [];

const wrongAddress = {
  code: "bad.request",
  status: 400,
  message: "not an address",
  details: [{ errorCode: "field.invalid", fieldName: "toAddress" }],
};
const manners: Record<string, Reply | "hang"> = {
  refuses: { status: 400, body: wrongAddress },
  "is busy": { status: 429, body: { code: "too.many.requests.retry.after", status: 429 } },
  "is broken": { status: 503, body: { code: "service.unavailable", status: 503 } },
  "is silent": "hang",
};

const shared: Pick<ChannelDriver & Expectations, "start" | "deps" | keyof Expectations> = {
  refusal: "InvalidDestination",
  confirms: "accepted",
  repeatable: false,
  isAskedTwice: false,
  async start() {
    const genesys = await startGenesys();
    let taken = 0;
    const take = (): Reply => {
      taken += 1;
      return { status: 202, body: { id: `sent-${taken}`, conversationId: "c-1" } };
    };
    genesys.onRequest = take;
    return {
      url: genesys.url,
      behave(manner) {
        const reply = manners[manner];
        genesys.onRequest = reply === undefined ? take : () => reply;
      },
      taken: () => taken,
      async stop() {
        await genesys.close();
        await Promise.all(clients.splice(0).map((client) => client.close()));
      },
    };
  },
  deps(gatewayUrl) {
    const organisation = { gatewayUrl, clients: [{ id: "client-a", secret: "secret-a" }] };
    const client = createGenesysClient({ organisation, now: Date.now });
    clients.push(client);
    return { agentlessOf: agentlessThrough(new Map([["main", client]])) };
  },
};

export const agentlessSmsDriver: ChannelDriver & Expectations = {
  ...shared,
  type: "sms",
  title: "agentless SMS",
  recipient: { id: "+436641234567", idType: "Phone" },
  settings: (_url, timeoutMs) => ({
    type: "sms",
    provider: "genesys",
    name: "sms",
    organisation: "main",
    from: "+13175550142",
    timeoutMs,
    retry,
  }),
};

export const agentlessEmailDriver: ChannelDriver & Expectations = {
  ...shared,
  type: "email",
  title: "agentless e-mail",
  recipient: { id: "ines@example.org", idType: "Email" },
  settings: (_url, timeoutMs) => ({
    type: "email",
    provider: "genesys",
    name: "email",
    organisation: "main",
    from: "Harborline <notices@mail.harborline.example>",
    timeoutMs,
    retry,
  }),
};
