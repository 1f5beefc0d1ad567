/** The channels that Genesys Cloud carries, over the clients of its organisations. */
import type { Agentless } from "../channels/agentless";
import { createAgentless } from "../genesys/agentless";
import type { GenesysClient } from "../genesys/client";
import { createSentTexts } from "../genesys/sent-texts";

/** Notices and answers go ahead of campaigns; receipts and customers' own messages go ahead of them. */
const priority = "lookup";

/** Looked up with each send: the clients may be made after the channels. */
export function agentlessThrough(clients: ReadonlyMap<string, GenesysClient>) {
  const known = new Map<string, Agentless>();
  return function agentlessOf(organisation: string): Agentless | undefined {
    const client = clients.get(organisation);
    const made = known.get(organisation);
    if (client === undefined || made !== undefined) return made;
    const { sendMessage, sendEmail } = createAgentless(client);
    const agentless: Agentless = {
      sendMessage: (message) => sendMessage(message, priority),
      sendEmail: (mail) => sendEmail(mail, priority),
      findTexts: createSentTexts(client).findTexts,
    };
    known.set(organisation, agentless);
    return agentless;
  };
}
