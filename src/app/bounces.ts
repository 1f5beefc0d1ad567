/** Mails that came back, and complaints: what they say of the notice they speak of, and of its address. */
import type { createNoticeReports } from "../delivery/notice-outcome";
import { isDeadMailbox, readBounce } from "../message/bounce";
import { openReturn } from "../store/bounces";
import { addressKeyOf, saveConsent } from "../store/consent";
import type { Database } from "../store/database";
import { findSend } from "../store/notice-sends";
import { loadSecret } from "../store/secrets";

export interface BounceDeps {
  database: Database;
  /** The channels whose mails have a return path of their own. */
  returnPaths: readonly { channel: string; returnPath: string }[];
  reportNotice: ReturnType<typeof createNoticeReports>;
  now: () => number;
}

export interface BounceResult {
  /** `ignored`: no mail of ours, no status of one, or not signed by this bridge. */
  result: "bounce" | "complaint" | "delay" | "ignored";
  /** Whether the address is written to no more. */
  suppressed: boolean;
}

/** Returns `takeMail(mail)`, which reads a whole mail that came to a return path. A repeat changes nothing. */
export function createBounceDesk({ database, returnPaths, reportNotice, now }: BounceDeps) {
  return async function takeMail(mail: string): Promise<BounceResult> {
    for (const { channel, returnPath } of returnPaths) {
      const bounce = readBounce(mail, returnPath);
      if (bounce === undefined) continue;
      const secret = await database.transaction(loadSecret);
      const deliveryId = openReturn(secret, bounce.returnToken);
      const send = deliveryId && (await database.read((db) => findSend(db, { channel, deliveryId })));
      if (!deliveryId || !send) continue;
      const { kind, status } = bounce;
      if (kind === "delay") return { result: kind, suppressed: false };
      if (kind === "bounce") {
        const reason = { code: "InvalidDestination" as const };
        await reportNotice({ channel, deliveryId, providerMessageId: undefined }, { status: "failed", reason });
      }
      const suppressed = kind === "complaint" || isDeadMailbox(status ?? "");
      if (suppressed) {
        const { addressKey, isErased } = send;
        const address = isErased ? undefined : bounce.addresses.find((one) => addressKeyOf(secret, one) === addressKey);
        const change = {
          ...(address === undefined ? { addressKey } : { address }),
          channel: "email",
          purpose: "*",
          state: "optedOut",
          source: kind,
          at: now(),
        } as const;
        const reason = kind === "complaint" ? "reported as unwanted" : "the mailbox does not exist";
        const evidence = { notice: deliveryId, ...(status === undefined ? {} : { status }) };
        await database.transaction((tx) => saveConsent(tx, { ...change, reason, evidence }));
      }
      return { result: kind, suppressed };
    }
    return { result: "ignored", suppressed: false };
  };
}
