/** Grouped work: what arrives while the last batch runs goes into the next one. Who comes alone waits for no timer. */

interface Waiting<Item, Result> {
  item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

export interface BatchOptions<Item, Result> {
  /** Does the whole batch, all or nothing; results in the order of the items. */
  run(items: Item[]): Promise<Result[]>;
  /** Most items in one batch. */
  maxBatch: number;
  /** Most batches under way at once; more than one only while they are large, or while the others are held up. @default 1 */
  atOnce?: number;
  /** Items with the same key are never in two batches at once, so that they keep their order. */
  keyOf?(item: Item): string;
  /** Most items waiting; one more is refused at once with `overloaded()`. */
  maxWaiting: number;
  overloaded(): Error;
  /** Whether a small batch that follows another waits for more while they come: under load batches grow, and each item costs less. */
  rests?: boolean;
  /** Whether a failed batch is tried again item by item, so that one bad item cannot hurt its neighbours. */
  retrySingly(error: unknown): boolean;
}

const longestRestMs = 10;
/** From so many items on, more of them make few cheaper. */
const largeEnough = 24;
/** A batch that takes longer waits for somebody, who may be long: others do not wait for it. */
const heldUpAfterMs = 100;

/** `submit(item)` resolves when the batch that holds the item is done. */
export function createBatcher<Item, Result>(options: BatchOptions<Item, Result>) {
  const { maxBatch, atOnce = 1, keyOf } = options;
  let waiting: Waiting<Item, Result>[] = [];
  /** Of the batches under way. */
  const keys = new Set<string>();
  let loops = 0;
  let heldUp = 0;

  /** Batch after batch until nothing waits; beside others only while that makes large ones, or they are held up. */
  async function loop() {
    loops += 1;
    const isAlone = () => loops - heldUp === 1;
    for (let tookMs = 0; isAlone() ? waiting.length > 0 : waiting.length >= largeEnough; ) {
      if (options.rests) await rest(Math.min(tookMs, longestRestMs));
      await gather(Math.min(tookMs, longestRestMs));
      const batch = takeBatch();
      if (batch.length === 0) {
        if (loops === 1) continue;
        // What waits belongs behind a batch that is under way.
        break;
      }
      const startedAt = performance.now();
      await runApart(batch);
      tookMs = performance.now() - startedAt;
    }
    loops -= 1;
    if (loops === 0 && waiting.length > 0) void loop();
  }

  /** For `ms`, and for as long again while that brought more, until they are enough or the longest rest is over. */
  async function rest(ms: number) {
    const until = performance.now() + longestRestMs;
    for (let before = -1; ms >= 1 && waiting.length > before && waiting.length < largeEnough; ) {
      if (performance.now() >= until) return;
      before = waiting.length;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  /** Everything that the event loop has ready joins the batch; under load, what it brings for up to `ms` while it brings more. */
  async function gather(ms: number) {
    const until = performance.now() + ms;
    for (let idleTurns = 0; idleTurns < 2; ) {
      const before = waiting.length;
      await new Promise(setImmediate);
      idleTurns = waiting.length > before ? 0 : idleTurns + 1;
      if (performance.now() >= until) return;
    }
  }

  function takeBatch(): Waiting<Item, Result>[] {
    if (keyOf === undefined || keys.size === 0) return waiting.splice(0, maxBatch);
    const batch: Waiting<Item, Result>[] = [];
    const others: Waiting<Item, Result>[] = [];
    for (const one of waiting) (batch.length < maxBatch && !keys.has(keyOf(one.item)) ? batch : others).push(one);
    waiting = others;
    return batch;
  }

  async function runApart(batch: Waiting<Item, Result>[]) {
    const own = keyOf === undefined ? [] : batch.map(({ item }) => keyOf(item));
    for (const key of own) keys.add(key);
    let isHeldUp = false;
    const timer = setTimeout(() => {
      isHeldUp = true;
      heldUp += 1;
      if (waiting.length > 0 && isWanted()) void loop();
    }, heldUpAfterMs);
    await runBatch(batch);
    clearTimeout(timer);
    if (isHeldUp) heldUp -= 1;
    for (const key of own) keys.delete(key);
  }

  async function runBatch(batch: Waiting<Item, Result>[]) {
    try {
      const results = await options.run(batch.map((one) => one.item));
      batch.forEach((one, index) => one.resolve(results[index] as Result));
    } catch (error) {
      if (batch.length > 1 && options.retrySingly(error)) {
        for (const one of batch) await runBatch([one]);
      } else {
        for (const one of batch) one.reject(error);
      }
    }
  }

  /** Whether one loop more serves what waits. */
  function isWanted(): boolean {
    return loops === 0 || (loops < atOnce && (loops === heldUp || waiting.length >= largeEnough));
  }

  return function submit(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (waiting.length >= options.maxWaiting) {
        reject(options.overloaded());
        return;
      }
      waiting.push({ item, resolve, reject });
      if (isWanted()) void loop();
    });
  };
}
