/** Asks again and again until the answer is the one waited for, and returns it; fails with the last answer. */
export async function until<Value>(
  ask: () => Value | Promise<Value>,
  isIt: (value: Value) => boolean = Boolean,
  withinMs = 15_000,
): Promise<Value> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await ask();
    if (isIt(value)) return value;
    if (Date.now() > deadline) throw new Error(`not so after ${withinMs} ms: ${JSON.stringify(value, null, 2)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
