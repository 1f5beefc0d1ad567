/** One line on stderr that tells how far long work is; nothing where stderr is no terminal. */
export function createProgress(stderr: NodeJS.WritableStream & { isTTY?: boolean }, title: string) {
  const width = 24;
  let shown = false;
  return {
    /** `share` from 0 to 1. */
    show(share: number) {
      if (stderr.isTTY !== true) return;
      const done = Math.round(Math.min(1, Math.max(0, share)) * width);
      stderr.write(`\r${title} [${"█".repeat(done)}${" ".repeat(width - done)}] ${Math.round(share * 100)} %`);
      shown = true;
    },
    clear() {
      if (shown) stderr.write("\r\u001b[K");
      shown = false;
    },
  };
}
