/** Work that this process takes over in the very commit that makes it due: it is born claimed, and nobody has to look for it. */

/** The worker of one queue in this process, as those see it who write the queue's tasks. */
export interface Taker<Item> {
  /**
   * Keeps room for one more task, to be given or freed; its lease ends at `leaseEnd`. Undefined while the worker is busy or behind:
   * then the task waits for its claim, like everybody else's.
   *
   * @param after how many tasks in a row the one before it, whose place it takes, has been part of; 0: it takes nobody's
   */
  reserve(after: number): { leaseEnd: number } | undefined;
  /** What the room was kept for, once it is committed. */
  give(items: readonly Item[]): void;
  /** It came to nothing. */
  free(): void;
}

/** Room that a transaction has kept with a taker: what is in it when it commits is given, and otherwise it is free again. */
export interface Room<Item> {
  leaseEnd: number;
  item?: Item;
}

/** One kind of work that is handed over; both sides name it, and so agree on its types. */
export interface HandOver<OneTaker extends Taker<never>> {
  name: string;
  /** Never there: it carries the type. */
  taker?: OneTaker;
}

/** The workers of this process that take work over, by queue. */
export interface Takers {
  offer<OneTaker extends Taker<never>>(handOver: HandOver<OneTaker>, queue: string, taker: OneTaker): void;
  find<OneTaker extends Taker<never>>(handOver: HandOver<OneTaker>, queue: string): OneTaker | undefined;
}

export function createTakers(): Takers {
  const takers = new Map<string, unknown>();
  const keyOf = ({ name }: { name: string }, queue: string) => `${name} ${queue}`;
  return {
    offer: (handOver, queue, taker) => void takers.set(keyOf(handOver, queue), taker),
    find: <OneTaker>(handOver: { name: string; taker?: OneTaker }, queue: string) =>
      takers.get(keyOf(handOver, queue)) as OneTaker | undefined,
  };
}
