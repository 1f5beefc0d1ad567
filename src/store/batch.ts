/** Grouped work without a timer: what arrives while the last batch runs goes into the next one. */

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
  /** Most items waiting; one more is refused at once with `overloaded()`. */
  maxWaiting: number;
  overloaded(): Error;
  /** Whether a failed batch is tried again item by item, so that one bad item cannot hurt its neighbours. */
  retrySingly(error: unknown): boolean;
}

/** `submit(item)` resolves when the batch that holds the item is done. */
export function createBatcher<Item, Result>(options: BatchOptions<Item, Result>) {
  let waiting: Waiting<Item, Result>[] = [];
  let running = false;

  async function loop() {
    while (waiting.length > 0) {
      // Everything the event loop has ready joins this batch.
      await new Promise(setImmediate);
      const batch = waiting.splice(0, options.maxBatch);
      await runBatch(batch);
    }
    running = false;
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

  return function submit(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (waiting.length >= options.maxWaiting) {
        reject(options.overloaded());
        return;
      }
      waiting.push({ item, resolve, reject });
      if (!running) {
        running = true;
        void loop();
      }
    });
  };
}
