/** What customers answer by SMS: keywords that change consent, and answers to notices. */
import type { Keyword } from "../message/consent";
import type { TwilioInbound } from "../message/twilio";
import { addressKeyOf, removeConsent, saveConsent } from "../store/consent";
import type { Database, Tx } from "../store/database";
import { insertLedger } from "../store/ledger";
import { type AnsweredNotice, findAnswered } from "../store/notice-sends";
import { loadSecret } from "../store/secrets";

/** What a policy says of answers. */
export interface ReplyRule {
  replies: "inbound" | "autoreply" | "ignore";
  autoreply?: string | undefined;
  returnUrl?: string | undefined;
}

export interface SmsReplyDeps {
  database: Database;
  ruleOf(policy: string): ReplyRule | undefined;
  now: () => number;
}

/** An answer that comes later than this is not about the notice any more. */
const answeredWithinMs = 7 * 86_400_000;

export function createSmsReplies({ database, ruleOf, now }: SmsReplyDeps) {
  return {
    /** STOP opts out of SMS, START lifts what a STOP did, HELP changes nothing: Twilio or the carrier answers it. */
    async saveKeyword(keyword: Keyword, sms: TwilioInbound): Promise<void> {
      const evidence = { word: keyword, messageSid: sms.MessageSid, byTwilio: sms.OptOutType !== undefined };
      const shared = { address: sms.From, channel: "sms", state: "optedOut", source: "stopWord", evidence } as const;
      if (keyword === "STOP")
        await database.transaction((tx) => saveConsent(tx, { ...shared, purpose: "*", at: now() }));
      if (keyword === "START") await database.transaction((tx) => removeConsent(tx, { ...shared, at: now() }));
    },

    /** Notes the answer with the messages that the notice told of, and returns what the policy has to say at once. */
    takeReply(sms: TwilioInbound): Promise<string | undefined> {
      return database.transaction(async (tx) => {
        const secret = await loadSecret(tx);
        const answered = await findAnswered(tx.db, addressKeyOf(secret, sms.From), now() - answeredWithinMs);
        const rule = answered && ruleOf(answered.policy);
        if (answered === undefined || rule === undefined) return undefined;
        await noteAnswer(tx, answered, sms, now());
        return rule.replies === "autoreply" ? (rule.autoreply ?? defaultReply(rule.returnUrl)) : undefined;
      });
    },
  };
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
