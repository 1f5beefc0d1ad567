/** A process that holds the file its first argument names, until it is killed. */
import { openDatabase } from "../../src/store/database";

openDatabase({ kind: "sqlite", file: process.argv[2] ?? "" });
process.stdout.write("held\n");
setInterval(() => undefined, 60_000);
