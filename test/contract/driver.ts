/** The other side of a channel, for the suite that every channel passes. */
import type { Channel } from "../../src/channels/channel";
import type { ChannelDeps, ChannelSettings } from "../../src/channels/index";

export interface ChannelDriver {
  type: ChannelSettings["type"];
  /** @default its type */
  title?: string;
  /** Somebody this channel can reach. */
  recipient: { id: string; idType: string };
  start(): Promise<OtherSide>;
  /** Settings of a channel to the other side at `url`. */
  settings(url: string, timeoutMs: number): ChannelSettings;
  /** What such a channel is given beside the clock. */
  deps?(url: string): Omit<ChannelDeps, "now">;
}

export interface OtherSide {
  url: string;
  /** How it meets the next sends. `refuses` is final where the channel knows such a thing. */
  behave(manner: "accepts" | "refuses" | "is busy" | "is broken" | "is silent"): void;
  /** How many messages it took. */
  taken(): number;
  stop(): Promise<void>;
}

export interface Expectations {
  /** The code of a refusal for good; undefined when the other side has no way to say it. */
  refusal: string | undefined;
  confirms: Channel["confirms"];
  repeatable: boolean;
  /** Whether a send is repeated that the driver's other side met with silence. */
  isAskedTwice: boolean;
}
