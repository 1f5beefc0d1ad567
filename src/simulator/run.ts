/** `omb simulate`: a simulator on the command line. */
import { parseArgs } from "node:util";
import { z } from "zod";
import { createSimulator, type Simulator } from "./simulator";
import { defaultClient, type SimulatorOptions } from "./options";

/** Wrong flags; the command line exits 2 with this message. */
export class SimulatorUsageError extends Error {
  override name = "SimulatorUsageError";
}

export const simulatorUsage = `omb simulate [--port N] [--host H] [--webhook URL --secret TEXT] [--integration ID] [--name NAME]
             [--client ID:SECRET] [--requests-per-minute N] [--events URL] [--event-token TOKEN] [--state FILE]

  --port                 port to listen on (4010); 0 takes a free one
  --host                 address to listen on (127.0.0.1)
  --webhook, --secret    where outbound messages go, and what signs them (longer than 15 characters)
  --integration, --name  id and name of the integration (a fixed id; "practice")
  --client               OAuth client (simulator-client:simulator-secret)
  --requests-per-minute  budget of a token (300)
  --events, --event-token  where triggers post, and the bearer token they bring
  --state                file that keeps conversations and contacts over restarts

Example: omb simulate --webhook http://127.0.0.1:3000/genesys/practice/outbound --secret practice-secret-0001`;

/** The integration a simulator on the command line has when none is named. */
const practiceIntegrationId = "2655b4c8-6386-5a64-8346-d47fed659046";

const flags = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(4010),
  host: z.string().default("127.0.0.1"),
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  secret: z.string().min(16, "must be longer than 15 characters").optional(),
  integration: z.string().min(1).default(practiceIntegrationId),
  name: z.string().min(1).default("practice"),
  client: z
    .string()
    .regex(/^[^:]+:.+$/, "must be ID:SECRET")
    .optional(),
  "requests-per-minute": z.coerce.number().int().positive().optional(),
  events: z.url({ protocol: /^https?$/ }).optional(),
  "event-token": z.string().min(1).optional(),
  state: z.string().min(1).optional(),
});

/**
 * Starts a simulator from command-line flags and says on `print` how to reach it. The caller stops it.
 * @throws SimulatorUsageError for wrong flags
 */
export async function runSimulator(args: readonly string[], print: (line: string) => void): Promise<Simulator> {
  const options = readFlags(args);
  const simulator = createSimulator(options);
  const url = await simulator.start();
  const [client = defaultClient] = options.clients ?? [];
  print(`Genesys Cloud simulator on ${url}`);
  print(`  client         ${client.id}`);
  for (const { id, name, webhookUrl } of options.integrations ?? [])
    print(`  integration    ${id} (${name}) -> ${webhookUrl}`);
  print(`  say something  curl -X POST ${url}/_say -d '{"to":"crew-7781","text":"Good morning"}'`);
  print(`  be the agent   ${url}/_desk`);
  print(`  look inside    curl ${url}/_state`);
  print(`  break it       curl -X POST ${url}/_faults -d '{"route":"POST /api/v2/**","status":503,"count":3}'`);
  return simulator;
}

function readFlags(args: readonly string[]): SimulatorOptions {
  const read = flags.safeParse(parseFlags(args));
  if (!read.success) {
    throw new SimulatorUsageError(
      read.error.issues.map(({ path, message }) => `--${path.join(".")}: ${message}`).join("\n"),
    );
  }
  const { webhook, secret, integration, name, client, events, ...rest } = read.data;
  if ((webhook === undefined) !== (secret === undefined)) {
    throw new SimulatorUsageError("--webhook and --secret are needed together");
  }
  const [clientId = "", ...clientSecret] = client?.split(":") ?? [];
  const token = rest["event-token"];
  return {
    port: rest.port,
    host: rest.host,
    stateFile: rest.state,
    requestsPerMinute: rest["requests-per-minute"],
    clients: client === undefined ? undefined : [{ id: clientId, secret: clientSecret.join(":") }],
    integrations:
      webhook === undefined || secret === undefined ? [] : [{ id: integration, name, webhookUrl: webhook, secret }],
    workflows:
      events === undefined
        ? undefined
        : { "*": { url: events, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } } },
  };
}

function parseFlags(args: readonly string[]) {
  const options = Object.fromEntries(Object.keys(flags.shape).map((name) => [name, { type: "string" as const }]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values;
  } catch (error) {
    throw new SimulatorUsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
