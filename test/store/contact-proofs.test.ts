import {
  askProof,
  endProof,
  forgetProofs,
  keepCode,
  type NewProof,
  readProofToSend,
  takeTry,
} from "../../src/store/contact-proofs";
import { migrate } from "../../src/store/migrate";
import { openDatabase } from "../../src/store/database";
import { leaseTasks } from "../../src/store/tasks";
import { atEnd } from "../helpers/clean-up";
import { engines, makePlace } from "../helpers/stores";

const proof: NewProof = {
  id: "p-1",
  integration: null,
  conversationId: "c-1",
  channel: "email",
  address: "ines@harborline.example",
  at: 1_000,
  expiresAt: 61_000,
};
const task = { key: "contact:1", queue: "contacts", dueAt: 2_000 };

describe.each(engines)("on %s", (engine) => {
  async function openStore() {
    const place = await makePlace(engine);
    atEnd(place.remove);
    const database = openDatabase(place.location);
    atEnd(database.close);
    await migrate(database);
    return database;
  }

  test("an address and its code are kept for their time and not longer", async () => {
    const database = await openStore();
    await askProof(database, proof, () => undefined);
    await keepCode(database, 1, { salt: "salt", hash: "hash" });
    expect(await forgetProofs(database, 60_999)).toBe(0);
    expect(await forgetProofs(database, 61_000)).toBe(1);
    const rows = await database.read((db) => db.selectFrom("contact_proofs").selectAll().execute());
    expect(rows).toMatchObject([{ address: null, salt: null, code_hash: null, conversation_id: "c-1" }]);
  });

  test("a code that was held back leaves no address and no task, and counts for nobody", async () => {
    const database = await openStore();
    expect(await askProof(database, proof, () => "day")).toEqual({ withheld: "day" });
    expect(await leaseTasks(database, { queue: "codes", limit: 9, now: 2_000, leaseEnd: 3_000 })).toEqual([]);
    const counted: unknown[] = [];
    await askProof(database, { ...proof, id: "p-2" }, (counts) => void counted.push(counts) as undefined);
    expect(counted).toEqual([{ ofAddressInHour: 0, ofConversationInDay: 0, ofChannelInDay: 0 }]);
    expect(await takeTry(database, { conversationId: "c-1", now: 2_000, mostTries: 5 })).toBeUndefined();
  });

  test("a code that is due too late is not sent", async () => {
    const database = await openStore();
    await askProof(database, proof, () => undefined);
    const [leased] = await leaseTasks(database, { queue: "codes", limit: 9, now: 61_000, leaseEnd: 99_000 });
    if (leased === undefined) throw new Error("the code was due");
    expect(await readProofToSend(database, leased, 61_000)).toBeUndefined();
    expect(await leaseTasks(database, { queue: "codes", limit: 9, now: 999_000, leaseEnd: 999_999 })).toEqual([]);
  });

  test("tries are counted before anybody compares, and of two who are right one is first", async () => {
    const database = await openStore();
    await askProof(database, proof, () => undefined);
    await keepCode(database, 1, { salt: "salt", hash: "hash" });
    const about = { conversationId: "c-1", now: 2_000, mostTries: 3 };
    const tries = await Promise.all(Array.from({ length: 5 }, () => takeTry(database, about)));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(3);
    const ends = await Promise.all([1, 2].map(() => endProof(database, 1, { task, now: 2_000 })));
    expect(ends.toSorted()).toEqual([false, true]);
  });
});
