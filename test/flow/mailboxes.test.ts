import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { createMailboxes } from "../../src/app/mailboxes";
import { openDatabase } from "../../src/store/database";
import { migrate } from "../../src/store/migrate";
import { email, env, load, minimal } from "../config/settings";
import { atEnd } from "../helpers/clean-up";
import { engines, makePlace } from "../helpers/stores";
import { until } from "../helpers/until";

/** A server that is busy for a moment with everybody who comes, and then hangs up. */
async function startBusyServer() {
  let open = 0;
  const seen = { visits: 0, atOnce: 0 };
  const server = createServer((socket) => {
    seen.visits += 1;
    open += 1;
    seen.atOnce = Math.max(seen.atOnce, open);
    socket.on("error", () => undefined);
    socket.on("close", () => (open -= 1));
    setTimeout(() => socket.destroy(), 50);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => server.close());
  return { seen, port: (server.address() as AddressInfo).port };
}

function configure(port: number) {
  const bounces = { imap: `imap://bounces:hunter2-hunter2@127.0.0.1:${port}` };
  const mail = { ...email, returnPath: "bounces@bridge.example", bounces };
  const loaded = load({ ...minimal, channels: { ...minimal.channels, email: mail } }, env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

describe.each(engines)("on %s", (engine) => {
  test("one process at a time reads a mailbox, later and later while it is away, and says how it is", async () => {
    const { port, seen } = await startBusyServer();
    const place = await makePlace(engine);
    atEnd(place.remove);
    let at = Date.parse("2026-11-20T10:00:00.000Z");
    const failed: { attempt?: number; waitMs?: number }[] = [];
    const database = openDatabase(place.location);
    atEnd(() => database.close());
    await migrate(database);
    const readers = [1, 2].map(() => {
      const mailboxes = createMailboxes({
        config: configure(port),
        database,
        takeMail: () => Promise.reject(new Error("there is no mail")),
        now: () => at,
        random: () => 0,
        log: { bounceFetched: () => {}, mailboxFailed: (facts) => void failed.push(facts), mailboxRecovered: () => {} },
        count: () => {},
        onError: (_, error) => {
          throw error;
        },
      });
      mailboxes.start();
      atEnd(mailboxes.stop);
      return mailboxes;
    });
    const states = () => readers.flatMap((reader) => reader.describe().map(({ state }) => state)).sort();

    await until(() => states().join() === "elsewhere,failing");
    expect(failed).toEqual([{ channel: "email", code: expect.any(String), attempt: 1, waitMs: 2500 }]);
    const [failing] = readers.flatMap((reader) => reader.describe()).filter(({ state }) => state === "failing");
    expect(failing).toMatchObject({ channel: "email", problem: expect.any(String), retryAt: at + 2500 });
    expect(JSON.stringify(failing)).not.toContain("hunter2");

    // Whoever of the two looks first has the next turn, and no other.
    at += 2500;
    await until(() => seen.visits === 2);
    await until(() => failed.length === 2);
    expect(seen).toEqual({ visits: 2, atOnce: 1 });
  });
});
