/** Supported content profiles: which media types an integration carries in which direction. */
import { z } from "zod";
import type { Integration, State } from "./state";

const mediaTypes = z.array(z.looseObject({ type: z.string() }));
const profile = z.looseObject({
  mediaTypes: z.looseObject({
    allow: z.looseObject({ inbound: mediaTypes.optional(), outbound: mediaTypes.optional() }).optional(),
  }),
});

/** Whether the integration's profile lets this media type through; an integration without a profile carries everything. */
export function allowsMedia(
  state: State,
  integration: Integration,
  direction: "inbound" | "outbound",
  mime: string,
): boolean {
  const parsed = profile.safeParse(state.supportedContents.get(integration.supportedContentId ?? ""));
  const allowed = parsed.data?.mediaTypes.allow?.[direction];
  if (!allowed) return true;
  const [group] = mime.split("/");
  return allowed.some(({ type }) => type === mime || type === "*/*" || type === `${group}/*`);
}
