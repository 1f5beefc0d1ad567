/** Whoever starts a program (npm, tsx) may pass on a signal that the terminal has sent to all of them already. */
const echoMs = 1000;

/**
 * Resolves with the name of the first of these signals. Another one, later than its echo, ends the process at once with 130.
 */
export function waitForSignal(signals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"]): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const heard = (signal: string) => {
      if (firstAt !== undefined && performance.now() - firstAt > echoMs) process.exit(130);
      firstAt ??= performance.now();
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, heard);
  });
}
