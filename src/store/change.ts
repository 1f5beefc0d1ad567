/** What a decision says is to be written about a message. */
import type { AddressClass } from "../message/address";
import type { Reason } from "../message/message";
import type { LedgerLine } from "./ledger";
import type { NoticeJoin } from "./notices";
import type { DeliveryState, MessageState } from "./states";
import type { NewTask } from "./tasks";

/** What follows from an event. Absent parts stay as they are. */
export interface Change {
  delivery?: Partial<Omit<DeliveryState, "seq" | "id" | "channel" | "trigger" | "lane">>;
  /** What becomes of the lane the delivery heads: `release` takes the delivery out of it, a longer lease keeps it. */
  lane?: "release" | { retryAt: number } | { leaseUntil: number };
  /** An attempt that has ended; one that begins is told by the delivery. */
  attempt?: AttemptEnd;
  /** An earlier attempt that a crash cut off, and when that was found. */
  interrupted?: { number: number; at: number };
  /** A digest of what was understood when it was sent. */
  meaning?: string;
  message?: MessageChange;
  ledger: LedgerLine[];
  /** A receipt owed to Genesys Cloud: kept once per message, with the task that sends it. */
  receipt?: { status: "Delivered" | "Failed"; reason?: Reason; at: number; queue: string };
  addTasks?: Omit<NewTask, "subject">[];
  removeTasks?: string[];
  /** The recipient does not want to be written to any more. */
  optOut?: { address: string; channel: AddressClass };
  /** Joins the notice that waits for this recipient, or starts one. */
  notice?: NoticeJoin;
}

/** Ids that are learned stay: undefined changes nothing. */
export interface MessageChange {
  fate?: string;
  reason?: Reason | null;
  genesysMessageId?: string | undefined;
  conversationId?: string | undefined;
}

export interface AttemptEnd {
  number: number;
  at: number;
  result: string;
  answer: string;
}

/** A pure function of the state as it is now; undefined: nothing follows. */
export type Decide = (state: MessageState) => Change | undefined;

/** A change of the state that it was decided on. */
export interface Decided {
  state: MessageState;
  change: Change;
  /** Whoever releases the lane goes on with what follows in it, under a lease until then. */
  nextLeaseEnd?: number | undefined;
}
