import { Client } from "pg";
import { startPostgres } from "./postgres";

test("a PostgreSQL of our own keeps what it committed through a kill and leaves nothing behind", async () => {
  const postgres = await startPostgres();
  await query(postgres.url, "create table kept (n int)");
  await query(postgres.url, "insert into kept values (1)");

  await postgres.kill();
  await expect(query(postgres.url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });

  await postgres.start();
  expect(await query(postgres.url, "select n from kept")).toEqual([{ n: 1 }]);

  await postgres.stop();
  await expect(query(postgres.url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
