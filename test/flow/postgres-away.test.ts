/** PostgreSQL ends connections in the middle of whatever they are at, as a restart of the server does. */
import { Client } from "pg";
import { delivered } from "../helpers/adapter";
import { type Scene, startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { outboundBody } from "../helpers/webhook";

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Ends every connection of the bridge, and says how many there were. */
async function connectAsOperator({ location }: Scene) {
  if (location.kind !== "postgres") throw new Error("this is about PostgreSQL");
  const client = new Client({ connectionString: location.url, application_name: "operator" });
  await client.connect();
  atEnd(() => client.end());
  return async function endConnections(): Promise<number> {
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'open-messaging-bridge%'`,
    );
    return rowCount ?? 0;
  };
}

test("connections that end under load cost no acknowledged message and no process", async () => {
  const scene = await startScene("postgres");
  scene.adapter.respond(() => delivered());
  const endConnections = await connectAsOperator(scene);
  const until = Date.now() + 4000;
  const acknowledged: string[] = [];
  let refused = 0;
  async function write(to: string) {
    while (Date.now() < until) {
      const body = outboundBody("text-agent", to);
      for (let isKept = false; !isKept; ) {
        const { status } = await scene.post(body);
        isKept = status === 200;
        if (isKept) acknowledged.push(String(body.id));
        else refused += 1;
        if (status !== 200 && status !== 503) throw new Error(`the webhook answered ${status}`);
        await pause(5);
      }
    }
  }
  let ended = 0;
  async function disturb() {
    while (Date.now() < until) {
      ended += await endConnections();
      await pause(30);
    }
  }
  await Promise.all([disturb(), ...Array.from({ length: 12 }, (_, n) => write(`customer-${n}`))]);
  expect(ended).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(0);
  for (const id of acknowledged) await scene.untilFate(id, "delivered", 20_000);
});
