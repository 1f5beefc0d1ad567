#!/usr/bin/env node
import { runCli } from "./cli";

// `omb messages list | head` ends the reader first: that is no fault to tell of.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

void runCli(process.argv.slice(2), process).then((exitCode) => {
  process.exitCode = exitCode;
});
