/** A process that holds the file its first argument names, until it is killed; with `write`, something is in its log. */
import { run } from "../../src/store/bulk";
import { openDatabase } from "../../src/store/database";

const [, , file = "", write] = process.argv;

async function main() {
  const database = openDatabase({ kind: "sqlite", file });
  if (write === "write") {
    await database.transaction(async ({ db }) => {
      await run(db, "create table notes (text text)");
      await run(db, "insert into notes (text) values ('kept')");
    });
  }
  process.stdout.write("held\n");
}

void main();
setInterval(() => undefined, 60_000);
