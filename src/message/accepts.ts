import type { MessageKind } from "./message";

/** What a channel can carry; `degrade` makes of every message the best of that. Lengths are in UTF-16 units. */
export interface Accepts {
  kinds: readonly MessageKind[];
  /** Longest text; undefined: no limit. */
  textLength?: number;
  /** Longest text with a picture or file, 0: none; undefined: as `textLength`. */
  captionLength?: number;
  /** MIME types (`image/*`, `*`) or Genesys Cloud's media types (`Image`, `Link`); undefined: all. */
  mediaTypes?: readonly string[];
  /** Largest attachment; undefined: no limit. */
  mediaBytes?: number;
  /** Whether each attachment goes out as a part of its own, its caption in `text`; undefined: all together. */
  oneByOne?: boolean;
  /** Most buttons under one text or picture; undefined or 0: choices are written out. */
  buttons?: number;
  /** Longest text on a button; undefined: no limit. */
  buttonTextLength?: number;
  /** Whether a button can open a link; undefined: no. */
  linkButtons?: boolean;
  /** Whether it can show that somebody is typing; undefined: when `typing` is among the kinds. */
  typing?: boolean;
}
