/** The program of the thread that exchanges HTTP with others. */
import { parentPort } from "node:worker_threads";
import type { ExchangeSettings, HttpAnswer, HttpExchange, HttpRequest } from "./http";
import { createExchangeHere } from "./exchange-here";

/** What the thread is asked, many at a time. `exchange` and `number` are given by the asking side. */
export type ThreadOrder =
  | { type: "open"; exchange: number; settings: ExchangeSettings }
  | { type: "send"; exchange: number; number: number; request: HttpRequest }
  | { type: "close"; exchange: number; number: number };

/** The end of a `send`, with its answer, or of a `close`. */
export interface ThreadReply {
  number: number;
  answer?: HttpAnswer;
}

if (parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const exchanges = new Map<number, HttpExchange>();
  let replies: ThreadReply[] = [];

  function reply(one: ThreadReply): void {
    if (replies.length === 0) setImmediate(flush);
    replies.push(one);
  }

  function flush(): void {
    const all = replies;
    replies = [];
    port.postMessage(all);
  }

  async function follow(order: ThreadOrder): Promise<void> {
    if (order.type === "open") {
      exchanges.set(order.exchange, createExchangeHere(order.settings));
      return;
    }
    const { exchange, number } = order;
    const held = exchanges.get(exchange);
    if (held === undefined) throw new Error("an exchange was used that is not open");
    if (order.type === "send") {
      reply({ number, answer: await held.send(order.request) });
      return;
    }
    await held.close();
    exchanges.delete(exchange);
    reply({ number });
  }

  port.on("message", (orders: readonly ThreadOrder[]) => {
    for (const order of orders) void follow(order);
  });
}
