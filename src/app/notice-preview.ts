/** What a policy's notices would say, rendered from sample facts with today's settings. */
import { countSegments } from "../channels/sms-segments";
import type { Config } from "../config";
import { BridgeError } from "../errors";
import { type RenderedNotice, renderNotice, sampleFacts } from "../fallback/render";

export interface Preview extends RenderedNotice {
  policy: string;
  /** How many parts the SMS takes, and in which alphabet. */
  segments: ReturnType<typeof countSegments>;
}

/** Throws `not_found` for a policy that is not in the settings; without a name, the only one is taken. */
export function previewNotice(
  config: Config,
  wanted: { policy?: string | undefined; language?: string | undefined; count: number },
): Preview {
  const names = config.fallback.map((one) => one.name);
  const name = wanted.policy ?? (names.length === 1 ? names[0] : undefined);
  const policy = config.fallback.find((one) => one.name === name);
  if (policy === undefined) {
    const known = names.length === 0 ? "the settings have none" : `there are ${names.join(", ")}`;
    throw new BridgeError("invalid_field", `name a fallback policy of the settings: ${known}`, "policy");
  }
  const sample = wanted.count === 1 ? sampleFacts[0] : sampleFacts[1];
  if (sample === undefined) throw new Error("there is no sample");
  const messages = policy.revealText ? sample.messages : [];
  const unsubscribeUrl = config.publicUrl === undefined ? false : `${config.publicUrl}/unsubscribe/…`;
  const facts = {
    ...sample,
    count: wanted.count,
    returnUrl: policy.returnUrl ?? false,
    unsubscribeUrl,
    messages,
  } as const;
  const rendered = renderNotice(facts, policy.templates, { language: wanted.language, fallback: policy.language });
  return { policy: policy.name, ...rendered, segments: countSegments(rendered.sms) };
}
