/** The asking side of the thread that exchanges HTTP with others. */
import { Worker } from "node:worker_threads";
import type { ExchangeSettings, HttpAnswer, HttpExchange, HttpRequest } from "./http";
import type { ThreadOrder, ThreadReply } from "./thread";

export interface ThreadLink {
  open(settings: ExchangeSettings): HttpExchange;
}

/** Starts the thread. It keeps the process alive only while something is asked of it, and a mistake in it ends the process. */
export function createThreadLink(program: string): ThreadLink {
  const worker = new Worker(program, { resourceLimits: { maxYoungGenerationSizeMb: 4 } });
  const waiting = new Map<number, (answer: HttpAnswer | undefined) => void>();
  let orders: ThreadOrder[] = [];
  let lastNumber = 0;
  let exchanges = 0;

  worker.on("message", (replies: readonly ThreadReply[]) => {
    for (const { number, answer } of replies) {
      const resolve = waiting.get(number);
      waiting.delete(number);
      resolve?.(answer);
    }
    if (waiting.size === 0) worker.unref();
  });
  worker.unref();

  /** What is asked for in one turn of the event loop goes over together. */
  function order(one: ThreadOrder): void {
    if (orders.length === 0) setImmediate(flush);
    orders.push(one);
  }

  function flush(): void {
    const all = orders;
    orders = [];
    worker.postMessage(all);
  }

  function ask(make: (number: number) => ThreadOrder): Promise<HttpAnswer | undefined> {
    return new Promise((resolve) => {
      const number = (lastNumber += 1);
      if (waiting.size === 0) worker.ref();
      waiting.set(number, resolve);
      order(make(number));
    });
  }

  return {
    open(settings) {
      const exchange = (exchanges += 1);
      let closing: Promise<void> | undefined;
      order({ type: "open", exchange, settings });
      return {
        async send(request) {
          const lost = { kind: "unanswered", problem: "no connection", code: "closed", mayHaveArrived: false } as const;
          if (closing !== undefined) return lost;
          // Its time begins here, however long the thread takes to get to it.
          const startBy = Date.now() + (request.timeoutMs ?? settings.timeoutMs);
          const sent = { startBy, ...request, body: cutFree(request.body) };
          return (await ask((number) => ({ type: "send", exchange, number, request: sent }))) ?? lost;
        },
        close: () => (closing ??= ask((number) => ({ type: "close", exchange, number })).then(() => undefined)),
      };
    },
  };
}

/** A view into a larger buffer would go over with all of it. */
function cutFree(body: HttpRequest["body"]): HttpRequest["body"] {
  return body instanceof Uint8Array && body.byteLength < body.buffer.byteLength ? new Uint8Array(body) : body;
}
