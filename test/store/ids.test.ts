import { newId } from "../../src/store/ids";

const timeOf = (id: string) => Number.parseInt(id.replace("-", "").slice(0, 12), 16);

test("ids are UUIDs of version 7 with the time in front", () => {
  const now = Date.now() + 1000;
  const id = newId(now);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOf(id)).toBe(now);
});

test("ids of one process count up, in one millisecond and when the clock goes back", () => {
  const now = Date.now() + 2000;
  const times = [...Array.from({ length: 20_000 }, () => now), now - 5000, now - 5000, now + 60_000, now + 60_001];
  const ids = times.map((time) => newId(time));
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
  expect(timeOf(ids.at(-1) ?? "")).toBe(now + 60_001);
});

test("ids of one moment differ in more than the counter", () => {
  const now = Date.now() + 100_000;
  const tails = Array.from({ length: 1000 }, () => newId(now).slice(19));
  expect(new Set(tails).size).toBe(1000);
});
