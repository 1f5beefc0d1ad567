/** `omb verify --rejected`: what the bridge refused, looked at again with today's secrets. */
import { z } from "zod";
import { openReader } from "../app";
import type { Config } from "../config";
import { StartError } from "../errors";
import { parseObject } from "../webhook/body";
import { type Diagnosis, diagnoseSignature } from "../webhook/diagnose";
import { signatureHeader } from "../webhook/signature";
import { type CommandContext, formatTable, printJson } from "./output";
import { nameSecrets, otherSecrets } from "./secrets";
import { callServer } from "./server";
import { requireConfig } from "./settings";

interface Options {
  integration?: string;
  take?: boolean;
  server?: string;
  json?: boolean;
}

interface Verified extends Diagnosis {
  receivedAt: string;
  integration: string;
  bytes: number;
  /** Why it was refused. */
  problem: string;
}

const retried = z.object({ taken: z.array(z.string()), duplicates: z.number(), refused: z.number() });

/** Ends with 1 when some do not verify, or do and are not taken in yet. */
export async function verifyRejected({ output, env, end }: CommandContext, options: Options): Promise<void> {
  const { config } = requireConfig(env);
  const integration = findIntegration(config, options.integration);
  if (options.take === true) {
    const answer = retried.parse(
      await callServer(config, {
        method: "POST",
        path: "/quarantine/retry",
        body: { integration },
        server: options.server,
      }),
    );
    if (options.json) printJson(output, answer);
    else {
      const { taken, duplicates, refused } = answer;
      output.stdout.write(`Taken in: ${taken.length}. Known already: ${duplicates}. Still refused: ${refused}.\n`);
      if (refused > 0)
        output.stderr.write("Why: omb verify --rejected. Secrets changed since its start need a restart.\n");
    }
    return end(answer.refused === 0 ? 0 : 1);
  }

  const items = await verifyAll(config, integration);
  if (options.json) printJson(output, { items });
  else output.stdout.write(describe(items));
  end(items.length === 0 ? 0 : 1);
}

async function verifyAll(config: Config, integration: string | undefined): Promise<Verified[]> {
  const reader = await openReader(config);
  try {
    const refused = await reader.listRefused(integration);
    return refused.map(({ receivedAt, headers, body, problem, ...one }) => {
      const own = config.integrations.find(({ name }) => name === one.integration);
      const signature = headers[signatureHeader];
      const diagnosis = diagnoseSignature({
        body,
        headers,
        signatures: signature === undefined ? [] : [signature],
        secrets: own ? nameSecrets(own) : [],
        otherSecrets: own ? otherSecrets(config.integrations, own) : config.integrations.flatMap(nameSecrets),
      });
      const facts = {
        receivedAt: new Date(receivedAt).toISOString(),
        integration: one.integration,
        bytes: body.length,
      };
      return { ...facts, problem, ...judgeBody(diagnosis, body) };
    });
  } finally {
    await reader.close();
  }
}

/** A signature that fits does not make a webhook of what is no JSON object. */
function judgeBody(diagnosis: Diagnosis, body: Buffer): Diagnosis {
  const parsed = parseObject(body);
  if (diagnosis.verdict !== "fits" || typeof parsed !== "string") return diagnosis;
  const mend = "Find out who sent it: Genesys Cloud sends one JSON object.";
  return { ...diagnosis, verdict: "explained", flaws: [{ where: "body", found: parsed, mend }] };
}

function findIntegration({ integrations }: Config, named: string | undefined): string | undefined {
  const found = integrations.find(({ name, id }) => name === named || id === named);
  if (named !== undefined && !found) {
    throw new StartError(`no integration is ${named}: one of ${integrations.map(({ name }) => name).join(", ")}`);
  }
  return found?.name;
}

function describe(items: readonly Verified[]): string {
  if (items.length === 0) return "No refused webhook is kept.\n";
  const rows = items.map(({ receivedAt, integration, bytes, problem, verdict, secret, flaws }) => [
    receivedAt.slice(0, 19).replace("T", " "),
    integration,
    String(bytes),
    problem,
    verdict === "fits" ? `fits ${secret}` : flaws.map(({ found, mend }) => `${found}: ${mend}`).join(" "),
  ]);
  const fitting = items.filter(({ verdict }) => verdict === "fits").length;
  const next = fitting === 0 ? "" : `\n${fitting} would be taken in by: omb verify --rejected --take\n`;
  return formatTable(["RECEIVED (UTC)", "INTEGRATION", "BYTES", "REFUSED FOR", "TODAY"], rows) + next;
}
