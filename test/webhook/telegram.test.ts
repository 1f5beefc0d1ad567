import { createTelegramPoll } from "../../src/webhook/telegram";
import { readUpdate } from "../../src/webhook/telegram-update";
import * as fc from "fast-check";
import { until } from "../helpers/until";

test("updates that cannot be kept are not confirmed, and asked for again", async () => {
  const asked: unknown[] = [];
  const taken: unknown[][] = [];
  const problems: unknown[] = [];
  const updates = [{ update_id: 7 }, { update_id: 8 }];
  const poll = createTelegramPoll({
    intake: {
      bot: {
        async call(_, parameters, { signal } = {}) {
          const { offset } = parameters as { offset?: number };
          asked.push(offset);
          if (offset === undefined) return { ok: true, result: updates };
          await new Promise((resolve) => signal?.addEventListener("abort", resolve));
          return { ok: false, problem: "aborted" };
        },
        openFile: async () => undefined,
      },
      async take(given) {
        if (problems.length === 0) throw new Error("the store is away");
        taken.push([...given]);
      },
      ...{ channel: "telegram", publicUrl: undefined, webhookSecret: "s" },
    },
    onError: (problem) => void problems.push(problem),
  });
  poll.start();
  await until(() => asked.length === 3);
  await poll.stop();
  expect(asked).toEqual([undefined, undefined, 9]);
  expect(taken).toEqual([updates]);
  expect(problems).toEqual([new Error("the store is away")]);
});

test("whatever comes is read without a fault, and a text is never lost", () => {
  const context = { integration: "chat", linkFile: () => undefined };
  const junk = fc.jsonValue();
  const odd = fc.dictionary(fc.constantFrom("photo", "sticker", "venue", "dice", "caption", "from", "document"), junk);
  fc.assert(
    fc.property(odd, fc.string({ minLength: 1 }), (rest, text) => {
      const message = { ...rest, message_id: 1, date: 1, chat: { id: 1 }, text };
      const understood = readUpdate({ update_id: 1, message }, context);
      expect(understood).toMatchObject({ what: "call", call: { body: { text: expect.stringContaining(text) } } });
    }),
  );
  fc.assert(fc.property(junk, (raw) => void readUpdate(raw, context)));
  fc.assert(
    fc.property(junk, junk, (message, callback_query) => {
      expect(readUpdate({ update_id: 1, message, callback_query }, context).what).toBe("nothing");
    }),
  );
});
