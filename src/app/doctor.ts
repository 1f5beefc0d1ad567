/** Reaches for everything that the settings name, and says what is wrong and how to mend it. Changes nothing anywhere. */
import { randomUUID } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { probeMailbox } from "../channels/mailbox";
import { probeChannel } from "../channels/probe";
import { probeSignature, type ResolveTxt } from "../channels/probe-mail";
import type { ChannelConfig, Config, Integration, Organisation } from "../config";
import { createAgentless } from "../genesys/agentless";
import type { GenesysAnswer } from "../genesys/answer";
import { createGenesysClient, type GenesysClient } from "../genesys/client";
import { createContacts } from "../genesys/contacts";
import { createConversations } from "../genesys/conversations";
import { describeCredentials } from "../genesys/credentials";
import { createIntegrations } from "../genesys/integrations";
import { type Database, openDatabase } from "../store/database";

/** One thing that was looked at. */
export interface Examined {
  /** Where in the settings: `channels.chat`. */
  part: string;
  ok: boolean;
  found: string;
  /** What to do about it; absent when nothing is wrong. */
  mend?: string;
}

const timeoutMs = 15_000;

export interface ExamineDeps {
  /** Each part is told as soon as it is known. */
  onExamined?: (one: Examined) => void;
  /** Asks the DNS. @default the name servers of this machine */
  resolveTxt?: ResolveTxt;
}

/** Looks at everything at once. */
export async function examine(
  config: Config,
  { onExamined = () => undefined, resolveTxt = createResolver() }: ExamineDeps = {},
): Promise<Examined[]> {
  const parts = [
    examineStore(config),
    ...config.organisations.map((organisation) => examineOrganisation(config, organisation)),
    ...config.channels.flatMap((channel) => (isAgentless(channel) ? [] : [examineChannel(channel, resolveTxt)])),
  ];
  const all = await Promise.all(
    parts.map(async (part) => {
      const found = await part;
      for (const one of found) onExamined(one);
      return found;
    }),
  );
  return all.flat();
}

async function examineStore({ database: location }: Config): Promise<Examined[]> {
  const part = location.kind === "sqlite" ? "DATA_DIR" : "DATABASE_URL";
  const fresh = { part, ok: true, found: `${location.kind}, empty still: the first start makes it` };
  if (location.kind === "sqlite" && !existsSync(location.file)) {
    const directory = findExisting(dirname(location.file));
    if (isWritable(directory)) return [fresh];
    return [{ part, ok: false, found: `${directory} cannot be written to`, mend: "make it writable for this user" }];
  }
  let database: Database | undefined;
  try {
    database = openDatabase(location, { readOnly: true });
    await database.read((db) => db.selectFrom("meta").select("key").limit(1).execute());
    return [{ part, ok: true, found: `${location.kind}, migrated and readable` }];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isUnmigrated = (error as { code?: string }).code === "42P01" || /no such table/.test(message);
    if (isUnmigrated) return [fresh];
    const mend =
      location.kind === "sqlite"
        ? "make the file readable and writable for this user, or put a backup in its place"
        : "start PostgreSQL, or correct host, user, password and name of the database";
    return [{ part, ok: false, found: message, mend }];
  } finally {
    await database?.close();
  }
}

/** The nearest directory above that is there. */
function findExisting(directory: string): string {
  const above = dirname(directory);
  return existsSync(directory) || above === directory ? directory : findExisting(above);
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

type AgentlessChannel = Extract<ChannelConfig, { provider: "genesys" }>;

/** Those that Genesys Cloud carries are looked at with their organisation. */
function isAgentless(channel: ChannelConfig): channel is AgentlessChannel {
  return "provider" in channel && channel.provider === "genesys";
}

async function examineChannel(
  channel: Exclude<ChannelConfig, AgentlessChannel>,
  resolveTxt: ResolveTxt,
): Promise<Examined[]> {
  const part = `channels.${channel.name}`;
  const { answer: found, ...probe } = await probeChannel(channel);
  const reached: Examined = { part, found, ...probe };
  if (channel.type !== "email") return [reached];
  const { bounces, timeoutMs: limitMs } = channel;
  const [signature, mailbox] = await Promise.all([
    probeSignature(channel, resolveTxt),
    bounces && probeMailbox({ imap: bounces.imap, timeoutMs: limitMs }),
  ]);
  return [
    reached,
    ...signature.map((judged) => ({ part: `${part}.dkim`, ...judged })),
    ...(mailbox === undefined ? [] : [{ part: `${part}.bounces`, ...mailbox }]),
  ];
}

/** A name server that is away is not waited for longer than a mail server is. */
function createResolver(): ResolveTxt {
  const resolver = new Resolver({ timeout: 3000, tries: 2 });
  return (name) => resolver.resolveTxt(name);
}

async function examineOrganisation(config: Config, organisation: Organisation): Promise<Examined[]> {
  const part = `organisations.${organisation.name}`;
  const client = createGenesysClient({ organisation, now: Date.now, timeoutMs });
  try {
    const credentials = await client.checkCredentials();
    const examined = credentials.map(({ clientId, answer }): Examined => {
      if (answer.status === "done") return { part, ok: true, found: `the OAuth client ${clientId} is logged in` };
      const found = `the OAuth client ${clientId} cannot log in: ${answer.answer}`;
      return { part, ok: false, found, mend: describeCredentials(organisation, clientId, answer.error) };
    });
    if (examined.some(({ ok }) => !ok)) return examined;
    const integrations = config.integrations.filter((one) => one.organisation === organisation.name);
    return [
      ...examined,
      ...(await examinePermissions(config, organisation.name, client, integrations)),
      ...(await Promise.all(integrations.map((one) => examineIntegration(config, client, one)))).flat(),
    ];
  } finally {
    await client.close();
  }
}

/** What the bridge will ask for, asked of things that are not there: 404 and 400 are as good as a yes. */
async function examinePermissions(
  config: Config,
  organisation: string,
  client: GenesysClient,
  integrations: readonly Integration[],
): Promise<Examined[]> {
  const nobody = randomUUID();
  const [first] = integrations;
  const needs: [what: string, answer: Promise<GenesysAnswer<unknown>>, part?: string][] = [];
  if (first !== undefined && first.receipts !== "none") {
    needs.push(["receipts and customers' messages", createIntegrations(client).tryReceiving(first.id)]);
  }
  if (config.eventToken !== undefined) {
    needs.push(["looking at conversations", createConversations(client).readConversation(nobody)]);
  }
  const wantsContacts = config.fallback.some(({ addresses }) => addresses.includes("externalContact"));
  if (wantsContacts) needs.push(["external contacts", createContacts(client).getContact(nobody)]);
  const { tryMessage, tryEmail } = createAgentless(client);
  for (const { name, type } of config.channels.filter(isAgentless).filter((one) => one.organisation === organisation)) {
    if (type === "sms") needs.push(["agentless SMS", tryMessage(), `channels.${name}`]);
    else needs.push(["agentless e-mail", tryEmail(), `channels.${name}`]);
  }
  const examined = needs.map(async ([what, asked, part = `organisations.${organisation}`]): Promise<Examined> => {
    const answer = await asked;
    if (answer.status === "done") return { part, ok: true, found: `${what}: permitted` };
    const { status, permissions } = answer.error;
    if (status === 403) {
      const named = permissions.length === 0 ? "what it misses" : permissions.join(" or ");
      const mend = `give the OAuth client a role with ${named}`;
      return { part, ok: false, found: `${what}: not permitted`, mend };
    }
    if (answer.status === "refused") return { part, ok: true, found: `${what}: permitted` };
    return { part, ok: false, found: `${what}: ${answer.answer}`, mend: "try again when Genesys Cloud answers" };
  });
  return Promise.all(examined);
}

/** Whether Genesys Cloud knows the integration, and sends its messages here. */
async function examineIntegration(
  config: Config,
  client: GenesysClient,
  { name, id }: Integration,
): Promise<Examined[]> {
  const part = `integrations.${name}`;
  const answer = await createIntegrations(client).readIntegration(id);
  if (answer.status !== "done") {
    const { status } = answer.error;
    if (status === 404) {
      const mend = "correct its id, or make it with omb provision";
      return [{ part, ok: false, found: "Genesys Cloud knows no integration of this id", mend }];
    }
    const found = `not looked at: ${answer.answer}`;
    // Only this examination asks for that permission.
    if (status === 403) return [{ part, ok: true, found }];
    return [{ part, ok: false, found, mend: "try again when Genesys Cloud answers" }];
  }
  const { createStatus, createError, outboundNotificationWebhookUrl: url } = answer.value;
  if (createStatus === "Error" || createStatus === "Initiated") {
    const why = createError?.message === undefined ? "" : `: ${createError.message}`;
    const mend = createStatus === "Error" ? "delete it in Genesys Cloud and make it anew" : "wait until it is made";
    return [{ part, ok: false, found: `its making is ${createStatus}${why}`, mend }];
  }
  const expected = config.publicUrl === undefined ? undefined : `${config.publicUrl}/genesys/${name}/outbound`;
  const alternative = config.publicUrl === undefined ? undefined : `${config.publicUrl}/genesys/${id}/outbound`;
  if (expected !== undefined && url !== expected && url !== alternative) {
    const found = `its webhook goes to ${url ?? "nowhere"}`;
    return [{ part, ok: false, found, mend: `set its outbound notification webhook URL to ${expected}` }];
  }
  return [
    {
      part,
      ok: true,
      found:
        expected === undefined
          ? "known (PUBLIC_URL is not set: its webhook was not compared)"
          : "known, and its webhook comes here",
    },
  ];
}
