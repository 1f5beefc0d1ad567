/** What customers answer by SMS: keywords that change consent, and answers to notices. */
import type { createNoticeReports } from "../delivery/notice-outcome";
import { type AdapterMessage, adapterMessage } from "../message/adapter";
import type { Keyword } from "../message/consent";
import type { TwilioInbound } from "../message/twilio";
import { addressKeyOf, removeConsent, saveConsent } from "../store/consent";
import type { Database, Tx } from "../store/database";
import type { Arrival, Stored } from "../store/ingest";
import { insertLedger } from "../store/ledger";
import { type AnsweredNotice, findAnswered } from "../store/notice-sends";
import { loadSecret } from "../store/secrets";
import { type InboundIntegration, planInbound } from "../webhook/inbound";

/** What a policy says of answers. */
export interface ReplyRule {
  replies: "inbound" | "autoreply" | "ignore";
  autoreply?: string | undefined;
  returnUrl?: string | undefined;
}

export interface SmsReplyDeps {
  database: Database;
  integrations: readonly InboundIntegration[];
  /** The channel by whose name answers are known to have come. */
  channel: string;
  save(arrival: Arrival): Promise<Stored>;
  /** Applies news of a notice. */
  reportNotice: ReturnType<typeof createNoticeReports>;
  ruleOf(policy: string): ReplyRule | undefined;
  now: () => number;
  newId: () => string;
}

/** An answer that comes later than this is not about the notice any more. */
const answeredWithinMs = 7 * 86_400_000;

export function createSmsReplies(deps: SmsReplyDeps) {
  const { database, ruleOf, now } = deps;
  return {
    /** STOP opts out of SMS, START lifts what a STOP did, HELP changes nothing: Twilio or the carrier answers it. */
    async saveKeyword(keyword: Keyword, sms: TwilioInbound): Promise<void> {
      const evidence = { word: keyword, messageSid: sms.MessageSid, byTwilio: sms.OptOutType !== undefined };
      const shared = { address: sms.From, channel: "sms", state: "optedOut", source: "stopWord", evidence } as const;
      if (keyword === "STOP")
        await database.transaction((tx) => saveConsent(tx, { ...shared, purpose: "*", at: now() }));
      if (keyword === "START") await database.transaction((tx) => removeConsent(tx, { ...shared, at: now() }));
    },

    /**
     * Notes the answer with the messages that the notice told of, carries it into the conversation where the policy says so, and returns
     * what the policy has to say at once.
     */
    async takeReply(sms: TwilioInbound): Promise<string | undefined> {
      const answered = await database.transaction(async (tx) => {
        const secret = await loadSecret(tx);
        const found = await findAnswered(tx.db, addressKeyOf(secret, sms.From), now() - answeredWithinMs);
        if (found !== undefined) await noteAnswer(tx, found, sms, now());
        return found;
      });
      // Whoever answers it has got it.
      if (answered !== undefined) await deps.reportNotice(sendOf(answered), { status: "delivered" });
      const rule = answered && ruleOf(answered.policy);
      if (answered === undefined || rule === undefined) return undefined;
      if (rule.replies === "inbound") await carryIn(deps, answered, sms);
      return rule.replies === "autoreply" ? (rule.autoreply ?? defaultReply(rule.returnUrl)) : undefined;
    },
  };
}

/** The answer becomes a message of the customer, on the road that adapters' messages take; Twilio's id keeps a repeat out. */
async function carryIn(deps: SmsReplyDeps, answered: AnsweredNotice, sms: TwilioInbound): Promise<void> {
  const integration = deps.integrations.find((one) => one.name === answered.integration);
  const text = sms.Body.trim();
  if (integration === undefined || text === "") return;
  const idType = adapterIdType.catch("Opaque").parse(answered.recipientIdType);
  const body: AdapterMessage = {
    integration: integration.name,
    messageId: sms.MessageSid,
    from: { id: answered.recipientId, idType },
    text,
  };
  const request = {
    channel: deps.channel,
    webhookId: sms.MessageSid,
    call: { route: "messages" as const, body },
    parsed: body,
    body: Buffer.from(JSON.stringify(body)),
    headers: { "content-type": "application/json" },
    receivedAt: deps.now(),
  };
  await deps.save(planInbound(request, integration, deps.newId));
}

const adapterIdType = adapterMessage.shape.from.shape.idType;

function sendOf({ channel, noticeId }: AnsweredNotice) {
  return { channel, deliveryId: noticeId, providerMessageId: undefined };
}

async function noteAnswer(tx: Tx, { noticeSeq }: AnsweredNotice, sms: TwilioInbound, at: number): Promise<void> {
  const messages = await tx.db.selectFrom("messages").select("seq").where("notice_seq", "=", noticeSeq).execute();
  const detail = { messageSid: sms.MessageSid };
  await insertLedger(
    tx.db,
    messages.map(({ seq }) => ({ messageSeq: seq, at, event: "notice.answered", detail })),
  );
}

function defaultReply(returnUrl: string | undefined): string {
  const where = returnUrl === undefined ? "Please write to us in the chat." : `Please write to us here: ${returnUrl}`;
  return `Nobody reads answers to this number. ${where}`;
}
