import type { Accepts } from "../message/accepts";

/** What a channel takes that can carry `own`, where the settings ask for less: never more than it can carry. */
export function narrowAccepts(own: Accepts, narrower: Partial<Accepts> | undefined): Accepts {
  if (!narrower) return own;
  const { kinds, mediaTypes = own.mediaTypes } = narrower;
  const least = (limit: "textLength" | "captionLength" | "mediaBytes" | "buttons" | "buttonTextLength") => {
    const limits = [own[limit], narrower[limit]].filter((one) => one !== undefined);
    return limits.length === 0 ? {} : { [limit]: Math.min(...limits) };
  };
  return {
    ...own,
    kinds: own.kinds.filter((kind) => !kinds || kinds.includes(kind)),
    ...(mediaTypes && { mediaTypes }),
    ...least("textLength"),
    ...least("captionLength"),
    ...least("mediaBytes"),
    ...least("buttons"),
    ...least("buttonTextLength"),
    ...(narrower.typing === false && { typing: false }),
    ...(narrower.linkButtons === false && { linkButtons: false }),
  };
}
