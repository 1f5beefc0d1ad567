/** What a test starts, it stops: in reverse order, after each test, whether it passed or not. */
const stops: (() => Promise<unknown> | unknown)[] = [];

export function atEnd(stop: () => Promise<unknown> | unknown): void {
  stops.push(stop);
}

afterEach(async () => {
  const problems: unknown[] = [];
  for (const stop of stops.splice(0).reverse()) {
    try {
      await stop();
    } catch (problem) {
      problems.push(problem);
    }
  }
  if (problems.length > 0) throw problems[0];
});
