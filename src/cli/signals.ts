/** Resolves with the name of the first of these signals; a second one ends the process at once, as if no one had been listening. */
export function waitForSignal(signals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"]): Promise<string> {
  return new Promise((resolve) => {
    const heard = (signal: string) => {
      for (const one of signals) process.off(one, heard);
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, heard);
  });
}
