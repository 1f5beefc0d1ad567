/** Whether mails that are signed here can be verified by others: asks the DNS, sends nothing. */
import { type DkimSettings, judgeAlignment, judgeRecords, type Judgement, nameRecord } from "./dkim";
import { domainOf } from "./mail-address";

/** Of `node:dns/promises`: the strings of each TXT record. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

export interface SignedChannel {
  from: string;
  dkim?: DkimSettings | undefined;
}

/** Never throws for what the DNS does. */
export async function probeSignature({ from, dkim }: SignedChannel, resolveTxt: ResolveTxt): Promise<Judgement[]> {
  if (dkim === undefined) {
    const found = "mails are signed by the mail server or not at all; set dkim to have them signed here";
    return [{ ok: true, found }];
  }
  return [await probeRecord(dkim, resolveTxt), judgeAlignment(dkim, domainOf(from) ?? "no domain")];
}

async function probeRecord(dkim: DkimSettings, resolveTxt: ResolveTxt): Promise<Judgement> {
  try {
    const records = await resolveTxt(nameRecord(dkim));
    return judgeRecords(
      dkim,
      records.map((strings) => strings.join("")),
    );
  } catch (error) {
    const { code = "unknown" } = error as { code?: string };
    if (code === "ENOTFOUND" || code === "ENODATA") return judgeRecords(dkim, []);
    const found = `the DNS does not say what is at ${nameRecord(dkim)} (${code})`;
    return { ok: false, found, mend: "let the bridge through to a DNS server that answers, and look again" };
  }
}
