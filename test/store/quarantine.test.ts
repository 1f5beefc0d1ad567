import { bytes } from "../../src/store/engine";
import { quarantine, quarantineLimits } from "../../src/store/quarantine";
import { engines } from "../helpers/stores";
import { openStore, start } from "./open-store";

const refused = { integration: "chat", receivedAt: start, problem: "signature", headers: { a: "b" } };

describe.each(engines)("on %s", (engine) => {
  async function open() {
    const { database } = await openStore(engine);
    const rows = (integration: string) =>
      database.db.selectFrom("quarantine").selectAll().where("integration", "=", integration).orderBy("seq").execute();
    return { database, rows };
  }

  test("a refused request is kept as it came", async () => {
    const { database, rows } = await open();
    await quarantine(database, { ...refused, body: Buffer.from([0, 255]) });
    const [row] = await rows("chat");
    expect(row).toMatchObject({ problem: "signature", headers: '{"a":"b"}', size: 2, received_at: start });
    expect(bytes(row?.body ?? new Uint8Array())).toEqual(Buffer.from([0, 255]));
  });

  test("the newest hundred of an integration are kept, and nothing of others is dropped for them", async () => {
    const { database, rows } = await open();
    await quarantine(database, { ...refused, integration: "quiet", body: Buffer.from("kept") });
    for (let n = 0; n < quarantineLimits.rows + 3; n += 1) {
      await quarantine(database, { ...refused, receivedAt: start + n, body: Buffer.from("x") });
    }
    const kept = await rows("chat");
    expect(kept).toHaveLength(quarantineLimits.rows);
    expect(kept[0]?.received_at).toBe(start + 3);
    expect(await rows("quiet")).toHaveLength(1);
  });

  test("large bodies push out older ones before the hundred are full", async () => {
    const { database, rows } = await open();
    const size = quarantineLimits.bytes / 4;
    for (let n = 0; n < 6; n += 1) {
      await quarantine(database, { ...refused, receivedAt: start + n, body: Buffer.alloc(size) });
    }
    expect((await rows("chat")).map((row) => row.received_at)).toEqual([2, 3, 4, 5].map((n) => start + n));
  });

  test("a body larger than all that may be kept is not kept", async () => {
    const { database, rows } = await open();
    await quarantine(database, { ...refused, body: Buffer.alloc(quarantineLimits.bytes + 1) });
    expect(await rows("chat")).toEqual([]);
  });
});
