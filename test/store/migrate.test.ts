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
