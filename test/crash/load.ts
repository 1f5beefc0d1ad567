/**
 * The load, in a process of its own: recipients who are each written to in order, the next message only once the one before
 * was acknowledged. What is not acknowledged is sent again, as Genesys Cloud does, only sooner.
 */
import { Agent, request } from "undici";
import { signBody } from "../../src/webhook/signature";
import { answerParent } from "../processes/child";
import { createRandom, pick } from "./chance";
import { integration, nameMessage, signatureSecret, writeText, writeTyping } from "./messages";

export interface LoadReport {
  /** Ids of messages that were answered 200. */
  acknowledged: string[];
  /** The same of typing signs. */
  typings: string[];
  /** Requests, repeats included. */
  requests: number;
  /** Repeats that were answered `duplicate`: they had been stored, and the answer was lost. */
  duplicates: number;
  /** Answers that Genesys Cloud would not have repeated, but for 200: there must be none. */
  refused: string[];
}

const report: LoadReport = { acknowledged: [], typings: [], requests: 0, duplicates: 0, refused: [] };
const lanes: Promise<void>[] = [];
let stopping = false;

const commands = { start, stop, acknowledged: () => report.acknowledged.length };
export type LoadCommands = typeof commands;
answerParent(commands);

/** @param settings.pauseMs between two messages of one recipient, on average */
function start(settings: { urls: string[]; recipients: number; pauseMs: number; seed: number }): void {
  const random = createRandom(settings.seed);
  const dispatcher = new Agent({ connections: 64, headersTimeout: 5000, bodyTimeout: 5000 });
  for (let n = 0; n < settings.recipients; n += 1) lanes.push(runLane(`customer${n}`, settings, random, dispatcher));
}

/** Ends each lane after the message it is at. */
async function stop(): Promise<LoadReport> {
  stopping = true;
  await Promise.all(lanes);
  return report;
}

async function runLane(
  recipient: string,
  { urls, pauseMs }: { urls: string[]; pauseMs: number },
  random: () => number,
  dispatcher: Agent,
): Promise<void> {
  const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
  await pause(pauseMs * random());
  for (let number = 1; !stopping; number += 1) {
    if (random() < 0.04) {
      const id = `typing-${nameMessage(recipient, number)}`;
      if (await send(writeTyping(id, recipient))) report.typings.push(id);
    }
    const id = nameMessage(recipient, number);
    if (await send(writeText({ id, recipient, number }))) report.acknowledged.push(id);
    await pause(pauseMs * 2 * random());
  }

  async function send(text: string): Promise<boolean> {
    const body = Buffer.from(text);
    const headers = { "content-type": "application/json", "x-hub-signature-256": signBody(body, signatureSecret) };
    for (;;) {
      report.requests += 1;
      try {
        const url = `${pick(urls, random)}/genesys/${integration.name}/outbound`;
        const answer = await request(url, { method: "POST", headers, body, dispatcher });
        const said = await answer.body.text();
        if (answer.statusCode === 200) {
          if ((JSON.parse(said) as { status: string }).status === "duplicate") report.duplicates += 1;
          return true;
        }
        if (answer.statusCode < 500) {
          report.refused.push(`HTTP ${answer.statusCode} ${said}`);
          return false;
        }
      } catch {
        // Killed before it answered, or not there yet.
      }
      await pause(100 + 300 * random());
    }
  }
}
