/** As much of Genesys Cloud as a load needs, in a process of its own: it gives a token and takes receipts. */
import { answerParent } from "../processes/child";
import { listenLightly } from "./light-server";

let receipts = 0;

const commands = { listen, receipts: () => receipts };
export type GenesysCommands = typeof commands;
answerParent(commands);

async function listen(): Promise<string> {
  const token = JSON.stringify({ access_token: "bench", token_type: "bearer", expires_in: 86_400 });
  return listenLightly(({ head }) => {
    if (/^\S+ \S*\/oauth\/token /.test(head)) return token;
    receipts += 1;
    return "{}";
  });
}
