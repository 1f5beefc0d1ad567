import { startScene } from "../helpers/bridge";
import { atEnd } from "../helpers/clean-up";
import { startPostgres } from "../helpers/postgres";
import { until } from "../helpers/until";
import { outboundBody } from "../helpers/webhook";

async function startOwnPostgres() {
  const postgres = await startPostgres({ fsync: false });
  atEnd(() => postgres.stop());
  return { postgres, location: { kind: "postgres", url: postgres.url } as const };
}

test("while PostgreSQL is away webhooks are 503, and once it is back all goes on without a restart", async () => {
  const { postgres, location } = await startOwnPostgres();
  const scene = await startScene("postgres", { location });
  const before = await scene.say("mira");
  await scene.untilStatus(before, "accepted");

  await postgres.kill();
  const body = outboundBody("text-agent", "mira");
  const refused = await scene.post(body);
  expect(refused.status).toBe(503);
  expect(JSON.parse(refused.text).error.code).toBe("store_unavailable");
  expect(refused.headers["retry-after"]).toBe("5");
  expect((await scene.tell("receipts", { deliveryId: "d", status: "read" })).status).toBe(503);
  await until(async () => (await scene.call("GET", "/health/ready")).status === 503);
  expect((await scene.call("GET", "/health/live")).status).toBe(200);

  await postgres.start();
  await until(async () => (await scene.call("GET", "/health/ready")).status === 200);
  expect((await scene.post(body)).status).toBe(200);
  await scene.untilStatus(String(body.id), "accepted");
  // A message of another process is heard of again, too: the listener has connected anew.
  expect(scene.adapter.deliveries().map((call) => call.body.message.genesysMessageId)).toEqual([before, body.id]);
});

test("what an adapter answered while PostgreSQL was away is recorded once it is back, and not sent again", async () => {
  const { postgres, location } = await startOwnPostgres();
  const scene = await startScene("postgres", { location });
  let answer: (() => void) | undefined;
  scene.adapter.respond(() => (response) => {
    answer = () => response.writeHead(200).end('{"status":"delivered"}');
  });
  const id = await scene.say("mira");
  await until(() => answer !== undefined);
  await postgres.kill();
  answer?.();
  await postgres.start();
  await scene.untilFate(id, "delivered");
  expect(scene.adapter.deliveries()).toHaveLength(1);
});

test("a bridge that starts before its PostgreSQL answers 503 until that is there", async () => {
  const { postgres, location } = await startOwnPostgres();
  await postgres.kill();
  const scene = await startScene("postgres", { location, awaitReady: false });
  expect((await scene.post(outboundBody("text-agent", "mira"))).status).toBe(503);
  expect(await scene.call("GET", "/health/ready")).toMatchObject({ status: 503 });

  await postgres.start();
  await until(async () => (await scene.call("GET", "/health/ready")).status === 200);
  const id = await scene.say("mira");
  await scene.untilStatus(id, "accepted");
});
