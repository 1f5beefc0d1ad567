import { createPersist } from "../../src/delivery/persist";
import { StoreUnavailable } from "../../src/errors";

test("what has happened is recorded once the store is back", async () => {
  const away = new StoreUnavailable("away");
  const told: unknown[] = [];
  let tries = 0;
  const persist = createPersist({ isStopping: () => false, onError: (error) => void told.push(error) });
  const recorded = await persist(async () => {
    tries += 1;
    if (tries < 3) throw away;
    return "recorded";
  });
  expect(recorded).toBe("recorded");
  expect(told).toEqual([away, away]);
});

test("a mistake is not tried again", async () => {
  let tries = 0;
  const persist = createPersist({ isStopping: () => false, onError: () => undefined });
  const write = async () => {
    tries += 1;
    throw new TypeError("a mistake");
  };
  await expect(persist(write)).rejects.toThrow("a mistake");
  expect(tries).toBe(1);
});

test("a process that is ending does not wait for the store: the lease takes over", async () => {
  const persist = createPersist({ isStopping: () => true, onError: () => undefined });
  await expect(persist(() => Promise.reject(new StoreUnavailable("away")))).rejects.toThrow("away");
});
