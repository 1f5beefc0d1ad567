import { z } from "zod";

/** What a channel can carry; `degrade` makes of every message the best of that. Sizes in bytes, lengths in UTF-16 units. */
export const accepts = z.strictObject({
  kinds: z
    .array(z.enum(["text", "media", "template", "structured", "typing", "receipt", "event", "unsupported"]))
    .readonly(),
  /** Longest text; none: no limit. */
  textLength: z.int().min(10).optional(),
  /** Longest text with a picture or file; 0: none. None given: as `textLength`. */
  captionLength: z.int().min(0).optional(),
  /**
   * Which media, each attachment as a part of its own: MIME types (`image/*`, `*`) or Genesys Cloud's media types
   * (`Image`, `Link`). None given, and `media` among the kinds: all, and as many at once as come.
   */
  media: z
    .array(z.strictObject({ types: z.array(z.string()).readonly(), maxBytes: z.int().positive().optional() }))
    .readonly()
    .optional(),
  /** Buttons under a text or picture; none given: choices are written out. */
  buttons: z
    .strictObject({ max: z.int().positive(), textLength: z.int().positive().optional(), links: z.boolean().optional() })
    .optional(),
  /** Whether it can show that somebody is typing; none given: when `typing` is among the kinds. */
  typing: z.boolean().optional(),
});
export type Accepts = z.infer<typeof accepts>;
