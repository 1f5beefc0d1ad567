/** Contacts at work: proofs, resolutions and the journal, put together over the store, the channels and Genesys Cloud. */
import type { ContactsDesk } from "../admin/contacts";
import type { Channel } from "../channels/channel";
import type { Config } from "../config";
import { type Identifier, readIdentifier } from "../contacts/identifier";
import { type CodeSent, createProofs } from "../contacts/proof";
import { type ContactBook, createResolver, type Resolution } from "../contacts/resolve";
import { type ContactRules, createContactWork, planResolution } from "../contacts/work";
import { BridgeError } from "../errors";
import type { GenesysClient } from "../genesys/client";
import { createContacts } from "../genesys/contacts";
import { createConversations } from "../genesys/conversations";
import type { Log } from "../log";
import { beginJournal, endJournal, listJournal } from "../store/contact-journal";
import { forgetProofs } from "../store/contact-proofs";
import type { Database } from "../store/database";
import { newId } from "../store/ids";
import { findIntegrationOf } from "../store/missed";
import { addTasks } from "../store/tasks";

export interface ContactPartsDeps {
  config: Config;
  database: Database;
  clients: ReadonlyMap<string, GenesysClient>;
  channels: ReadonlyMap<string, Channel>;
  now: () => number;
  log: Log;
}

export function createContactParts({ config, database, clients, channels, now, log }: ContactPartsDeps) {
  const organisations = config.organisations.map(({ name }) => name);
  const integrations = new Map(config.integrations.map((one) => [one.name, one]));
  const books = new Map<string, ContactBook>(
    [...clients].map(([name, client]) => [name, { ...createContacts(client), ...createConversations(client) }]),
  );
  const ids = { newId: () => newId(now()) };
  const organisationOf = (integration: string | null) =>
    (integration === null ? undefined : integrations.get(integration)?.organisation) ??
    (organisations.length === 1 ? organisations[0] : undefined);

  const resolver = createResolver({
    ...ids,
    bookOf: (name) => books.get(name),
    journal: {
      begin: (entry) => beginJournal(database, entry),
      end: (id, result) => endJournal(database, id, result),
    },
    now,
  });
  const proofs = createProofs({
    ...ids,
    database,
    rules: { ...config.contacts, triesPerCode: config.contacts.triesPerCode },
    send: (code) => sendCode(channelFor(code.channel), code),
    organisationOf,
    now,
    log,
  });
  const work = createContactWork({
    database,
    resolve: resolver.resolve,
    askProof: proofs.ask,
    rulesOf,
    organisations,
    now,
    log,
  });

  function channelFor(kind: "email" | "sms"): Channel | undefined {
    const name = kind === "email" ? config.contacts.emailChannel : config.contacts.smsChannel;
    return name === undefined ? undefined : channels.get(name);
  }

  function rulesOf(name: string): ContactRules | undefined {
    const integration = integrations.get(name);
    if (integration?.organisation === undefined || !integration.contacts.automatic) return undefined;
    const { proof, externalSource } = integration.contacts;
    return { organisation: integration.organisation, proof, externalSource, country: config.contacts.country };
  }

  /** The integration that a conversation came through; web messages came through none of ours. */
  async function integrationOf(conversationId: string, named: string | undefined) {
    const found = named ?? (await database.read((db) => findIntegrationOf({ db }, conversationId)));
    const integration = config.integrations.find(({ name, id }) => name === found || id === found);
    if (named !== undefined && integration === undefined) {
      throw new BridgeError("invalid_field", "no integration of this name or id is configured", "integration");
    }
    return integration;
  }

  function readClaim(
    claim: { email?: string | undefined; phone?: string | undefined; externalId?: string | undefined },
    externalSource?: { id: string; name: string },
  ): { identifier: Identifier; country?: string | undefined } {
    const read = readIdentifier(claim, { country: config.contacts.country, externalSource });
    if (!read.ok) throw new BridgeError("invalid_field", read.problem, read.field);
    return read;
  }

  /** An operator's external id may be of any integration's source, as long as there is one. */
  function readOperatorClaim(claim: Parameters<typeof readClaim>[0]): Identifier {
    const source = config.integrations.find((one) => one.contacts.externalSource !== undefined)?.contacts
      .externalSource;
    return readClaim(claim, source).identifier;
  }

  function requireOrganisation(named: string | undefined): string {
    const name = named ?? (organisations.length === 1 ? organisations[0] : undefined);
    if (name !== undefined && organisations.includes(name)) return name;
    const allowed = organisations.length === 0 ? "none is configured" : organisations.join(", ");
    throw new BridgeError("invalid_field", `one of the organisations is expected: ${allowed}`, "organisation");
  }

  const desk: ContactsDesk = {
    async take({ conversationId, integration: named, ...claim }) {
      const integration = await integrationOf(conversationId, named);
      const rules = integration?.contacts;
      const { identifier, country } = readClaim(claim, rules?.externalSource);
      if (rules?.proof === "none") {
        const organisation = integration?.organisation;
        const about = { conversationId, organisation, identifier, cause: "flow" as const, proof: "none" as const };
        await database.transaction((tx) => addTasks(tx, [planResolution(about, { now: now() })], now()));
        return { status: "accepted" };
      }
      if (identifier.type === "ExternalId") {
        throw new BridgeError(
          "invalid_field",
          "a code can prove an e-mail address or a phone number only",
          "externalId",
        );
      }
      const channel = identifier.type === "Email" ? "email" : "sms";
      if (channelFor(channel) === undefined) {
        throw new BridgeError("conflict", `no channel is set up that could send a code by ${channel}`);
      }
      const about = { conversationId, channel, address: identifier.value, country } as const;
      const { expiresAt } = await proofs.ask({ ...about, integration: integration?.name ?? null });
      return { status: "codeSent", expiresAt: new Date(expiresAt).toISOString() };
    },
    verify: proofs.verify,
    async resolve({ conversationId, organisation, ...claim }) {
      const request = {
        conversationId,
        identifier: readOperatorClaim(claim),
        organisation: requireOrganisation(organisation),
      };
      return settled(await resolver.resolve({ ...request, cause: "operator", proof: "operator" }));
    },
    async lookUp({ organisation, ...claim }) {
      const identifier = readOperatorClaim(claim);
      const found = await books.get(requireOrganisation(organisation))?.lookUpContact(identifier);
      if (found?.status === "done") return found.value;
      throw unanswered(found ?? { status: "refused", answer: "no such organisation" });
    },
    async merge({ contactIds, organisation, mergeCurated }) {
      const request = { contactIds, organisation: requireOrganisation(organisation) };
      return settled(await resolver.merge({ ...request, mayMergeCurated: mergeCurated ?? false }));
    },
    journal: (filter) => database.read((db) => listJournal({ db }, filter)),
  };

  return {
    desk,
    works: [work, proofs.work],
    /** Forgets addresses that nobody can prove any more. */
    upkeep: {
      name: "contactProofs",
      everyMs: 60_000,
      run: async () => ({ more: (await forgetProofs(database, now())) > 0 }),
    },
  };
}

/** A code goes out as a notice does, by whatever channel. */
async function sendCode(
  channel: Channel | undefined,
  { id, to, subject, text, attempt, ...code }: Parameters<Parameters<typeof createProofs>[0]["send"]>[0],
): Promise<CodeSent> {
  if (channel === undefined) return { status: "failed", answer: "its channel is not configured any more" };
  try {
    const outcome = await channel.send({
      deliveryId: id,
      attempt,
      notice: { to, subject, text },
      message: {
        kind: "text",
        id,
        genesysMessageId: null,
        integration: "",
        integrationId: "",
        recipient: { id: to, idType: code.channel === "sms" ? "Phone" : "Email" },
        sender: { origin: "bot" },
        sentAt: null,
        text,
        raw: {},
      },
    });
    if (outcome.status !== "failed") return { status: "sent", answer: outcome.answer };
    // A code that may have arrived is taken for sent: a second one would make it worthless.
    if (outcome.uncertain === true) return { status: "sent", answer: outcome.answer };
    const { answer, retryAfterMs } = outcome;
    return outcome.retryable ? { status: "later", answer, retryAfterMs } : { status: "failed", answer };
  } catch {
    return { status: "failed", answer: "error in the channel" };
  }
}

function settled(result: Resolution) {
  if (result.status !== "done") throw unanswered(result);
  const { outcome, contactId, answer } = result;
  return { outcome, contactId, answer };
}

function unanswered(result: { status: "refused" | "later"; answer: string }): BridgeError {
  return result.status === "later"
    ? new BridgeError("rate_limited", `Genesys Cloud cannot be asked now, try again: ${result.answer}`)
    : new BridgeError("conflict", `Genesys Cloud did not do it: ${result.answer}`);
}
