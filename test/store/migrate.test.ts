import { Migrator } from "kysely";
import { run } from "../../src/store/bulk";
import { startDeliveries } from "../../src/store/changes";
import { findMessage, listMessages } from "../../src/store/messages";
import { road } from "../../src/store/migrations/001-road";
import { inbound } from "../../src/store/migrations/002-inbound";
import { replay } from "../../src/store/migrations/003-replay";
import { fallback } from "../../src/store/migrations/004-fallback";
import { contacts } from "../../src/store/migrations/005-contacts";
import { migrate } from "../../src/store/migrate";
import { openDatabase } from "../../src/store/database";
import { atEnd } from "../helpers/clean-up";
import { engines, makePlace } from "../helpers/stores";
import { openAgain, openStore } from "./open-store";

describe.each(engines)("on %s", (engine) => {
  test("a migrated store has nothing left to apply", async () => {
    const { database } = await openStore(engine);
    expect(await migrate(database)).toEqual([]);
  });

  test("a new store is given every migration, and takes a message afterwards", async () => {
    const place = await makePlace(engine);
    atEnd(place.remove);
    const database = openDatabase(place.location);
    atEnd(() => database.close());
    expect(await migrate(database)).toContain("001-road");
    const rows = await database.read((db) => db.selectFrom("messages").selectAll().execute());
    expect(rows).toEqual([]);
  });

  test("what an older version stored is found as before", async () => {
    const place = await makePlace(engine);
    atEnd(place.remove);
    const database = openDatabase(place.location);
    atEnd(() => database.close());
    const { db } = database;
    const older = { "001-road": road(engine), "002-inbound": inbound, "003-replay": replay(engine) };
    const old = { ...older, "004-fallback": fallback(engine), "005-contacts": contacts(engine) };
    await new Migrator({ db, provider: { getMigrations: async () => old } }).migrateToLatest();
    await run(
      db,
      `insert into messages (id, dedup_key, integration, integration_id, direction, kind, recipient_id, recipient_id_type, received_at, summary, fate)
       values ('m', 'm', 'chat', 'i', 'outbound', 'text', 'mira', 'Opaque', 1000, 'Good morning', 'failed')`,
    );
    await run(
      db,
      `insert into deliveries (message_seq, id, channel, trigger, status, attempts, first_attempt_at)
       values (1, 'd', 'chat', 'replay', 'sending', 2, 1000)`,
    );
    for (const seq of [1500, 1501]) {
      await run(
        db,
        `insert into deliveries (seq, message_seq, id, channel, lane, trigger, status, attempts)
         values ($1, 1, $2, 'chat', 'mira', 'first', 'pending', 0)`,
        [seq, `d${seq}`],
      );
    }
    await run(db, "insert into tasks (key, queue, due_at, pending) values ('lane:mira', 'deliver:chat', 1000, 2)");
    await run(db, "insert into attempts (delivery_seq, number, started_at, finished_at) values (1, 1, 1000, 1005)");
    await run(db, "insert into attempts (delivery_seq, number, started_at) values (1, 2, 2000)");

    expect(await migrate(database)).not.toEqual([]);
    const heads = await startDeliveries(database, ["mira"], () => undefined, 1000);
    expect(heads.map(({ state }) => state.delivery.id)).toEqual(["d1500"]);
    expect((await listMessages(db, { fate: "failed" }, { limit: 9 })).items).toMatchObject([{ id: "m" }]);
    const found = await findMessage(db, "m");
    expect(found?.attempts).toMatchObject([
      { number: 1, durationMs: 5 },
      { number: 2, startedAt: new Date(2000).toISOString(), finishedAt: null },
    ]);
  });
});

test("processes that start together on one PostgreSQL apply each migration once", async () => {
  const place = await makePlace("postgres");
  atEnd(place.remove);
  const first = openDatabase(place.location);
  atEnd(() => first.close());
  const others = [1, 2, 3].map(() => openAgain({ database: first, ...place }));

  const applied = await Promise.all([first, ...others].map((database) => migrate(database)));

  expect(applied.flat().filter((name) => name === "001-road")).toHaveLength(1);
});

test("a store that is not migrated counts as unavailable", async () => {
  const place = await makePlace("postgres");
  atEnd(place.remove);
  const database = openDatabase(place.location);
  atEnd(() => database.close());
  await expect(database.read((db) => db.selectFrom("messages").selectAll().execute())).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("not migrated"),
  });
});
