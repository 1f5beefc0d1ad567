/** An adapter that delivers everything at once and notes when it was called, in a process of its own. */
import { answerParent } from "../processes/child";
import { listenLightly } from "./light-server";
import { clock, readNumber } from "./messages";

const arrivedAt: number[] = [];
let calls = 0;

const commands = {
  listen,
  /** Calls so far, repeats included. */
  calls: () => calls,
  /** When each of these messages arrived, by {@link clock}; 0 for one that has not. */
  arrivals: (first: number, count: number) => Float64Array.from({ length: count }, (_, n) => arrivedAt[first + n] ?? 0),
};
export type AdapterCommands = typeof commands;
answerParent(commands);

async function listen(): Promise<string> {
  const answer = JSON.stringify({ status: "delivered" });
  const origin = await listenLightly(({ body }) => {
    const number = readNumber(body);
    if (number !== undefined) arrivedAt[number] ??= clock();
    calls += 1;
    return answer;
  });
  return `${origin}/deliver`;
}
