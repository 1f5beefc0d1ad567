/** Runs one adapter through every check. */
import { decodeStandardWebhooksSecret } from "../standard-webhooks";
import { type Check, type Result, type Verdict } from "./check";
import { receiveCallbacks } from "./callbacks";
import { kindChecks } from "./checks/kinds";
import { paceChecks } from "./checks/pace";
import { proofChecks } from "./checks/proof";
import { receiptChecks } from "./checks/receipts";
import { repeatChecks } from "./checks/repeats";
import { createKit, describeCall, isTaken, type Kit, type KitSettings } from "./kit";

export interface Finding {
  check: string;
  result: Result;
  expected: string;
  found: string;
  mend: string | null;
}

export interface Report {
  /** Whether no check failed. */
  ok: boolean;
  url: string;
  /** What the adapter had to know as the bridge's URL. */
  callbacksUrl: string;
  counts: Record<Result, number>;
  findings: Finding[];
}

export interface TestOptions extends KitSettings {
  /** Where callbacks are taken; port 0 is any free one. */
  callbacks: { host: string; port: number };
}

export interface TestDeps {
  now: () => Date;
  newId: () => string;
  onProgress?: (share: number) => void;
  /** Called once callbacks are taken, before the first request. */
  onListening?: (url: string) => void;
}

/** Receipts come last: by then all others have come too. */
const checks: readonly Check[] = [...kindChecks, ...proofChecks, ...repeatChecks, ...paceChecks, ...receiptChecks];

/**
 * Sends the adapter some hundred requests, right and wrong ones, and says what it made of them. A customer named by `recipient` is shown
 * the messages.
 *
 * @throws BridgeError `invalid_field` for a secret that is none
 */
export async function testAdapter(options: TestOptions, deps: TestDeps): Promise<Report> {
  const { now, newId, onProgress, onListening } = deps;
  decodeStandardWebhooksSecret(options.secret);
  const callbacks = await receiveCallbacks({ ...options.callbacks, secret: options.secret, now });
  onListening?.(callbacks.url);
  try {
    const kit = createKit(options, { callbacks, now, newId });
    try {
      const findings = [await runCheck(reach, kit)];
      const isReached = findings[0]?.result === "passed";
      for (const [index, check] of checks.entries()) {
        if (!isReached) break;
        onProgress?.(index / checks.length);
        findings.push(await runCheck(check, kit));
      }
      return makeReport(options.url, callbacks.url, findings);
    } finally {
      await kit.close();
    }
  } finally {
    await callbacks.close();
  }
}

/** Without this nothing else says anything. */
const reach: Check = {
  name: "reach",
  expected: "a plain text message, rightly signed, is accepted",
  async run(kit): Promise<Verdict> {
    const called = await kit.send(kit.samples.text("Adapter test: hello."));
    const found = describeCall(called);
    if (isTaken(called)) return { result: "passed", found };
    return { result: "failed", found, mend: `${whatToDo(called)} The other checks were left out.` };
  },
};

function whatToDo({ answer, outcome }: Awaited<ReturnType<Kit["send"]>>): string {
  if (answer.kind === "unanswered") return "Start the adapter, and check the URL.";
  if (answer.status === 401 || answer.status === 403) return "Check that both sides have the same whsec_ secret.";
  if (answer.status === 404 || answer.status === 405) return "Check the path of the URL.";
  const isNobody = outcome.status === "failed" && outcome.reason.code === "InvalidDestination";
  if (isNobody) return "Name a customer the adapter knows, with --recipient.";
  return 'Answer 2xx with { "status": "accepted" }, or with an empty body.';
}

async function runCheck(check: Check, kit: Kit): Promise<Finding> {
  const { name, expected } = check;
  const { result, found, mend = null } = await check.run(kit);
  return { check: name, result, expected, found, mend };
}

function makeReport(url: string, callbacksUrl: string, findings: Finding[]): Report {
  const counts = { passed: 0, failed: 0, doubtful: 0, unseen: 0 };
  for (const { result } of findings) counts[result] += 1;
  return { ok: counts.failed === 0, url, callbacksUrl, counts, findings };
}
