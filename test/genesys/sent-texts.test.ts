import { createAgentless } from "../../src/genesys/agentless";
import { createGenesysClient, type GenesysClient } from "../../src/genesys/client";
import { createSentTexts } from "../../src/genesys/sent-texts";
import { createSimulator, type Simulator } from "../../src/simulator";

const from = "+13175550142";
const to = "+447700900321";
let simulator: Simulator;
const clients: GenesysClient[] = [];

async function start(permissions?: string[]) {
  const known = { id: "client-a", secret: "secret-a" };
  simulator = createSimulator({ clients: [permissions === undefined ? known : { ...known, permissions }] });
  const client = createGenesysClient({
    organisation: { gatewayUrl: await simulator.start(), clients: [known] },
    now: Date.now,
  });
  clients.push(client);
  return { ...createAgentless(client), ...createSentTexts(client) };
}

afterEach(async () => {
  await simulator.stop();
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

const hour = () => ({ since: Date.now() - 3_600_000, until: Date.now() + 1000 });

test("texts between two numbers are found with what became of them, newest first", async () => {
  const { sendMessage, findTexts } = await start();
  const send = async (text: string, changes: object = {}) => {
    const sent = await sendMessage({ messenger: "sms", from, to, text, ...changes });
    return sent.status === "done" ? (sent.value.id ?? "") : "";
  };
  const ids = [await send("one"), await send("two"), await send("three")];
  await send("to another", { to: "+447700900322" });
  await send("from another", { from: "+13175550143" });
  simulator.setMessageStatus(ids[1] ?? "", "delivery-failed", { message: "Landline" });
  simulator.setMessageStatus(ids[2] ?? "", "delivery-success");
  const found = await findTexts({ from, to, ...hour() });
  if (found.status !== "done") throw new Error(found.answer);
  expect(found.value.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))).toEqual([
    { id: ids[0], text: "one", status: "sent" },
    { id: ids[1], text: "two", status: "failed" },
    { id: ids[2], text: "three", status: "delivered" },
  ]);
});

test("what was sent before is left out", async () => {
  const { sendMessage, findTexts } = await start();
  await sendMessage({ messenger: "sms", from, to, text: "one" });
  const later = { since: Date.now() + 1000, until: Date.now() + 2000 };
  expect(await findTexts({ from, to, ...later })).toMatchObject({ status: "done", value: [] });
});

test("without the permission it is refused, and where Genesys Cloud is busy it is later", async () => {
  const { findTexts } = await start(["conversation:message:create"]);
  expect(await findTexts({ from, to, ...hour() })).toMatchObject({ status: "refused", error: { status: 403 } });
  simulator.faults.add({ route: "POST /api/v2/analytics/**", status: 429, retryAfterSeconds: 9 });
  expect(await findTexts({ from, to, ...hour() })).toMatchObject({ status: "later", retryAfterMs: 9000 });
});

test("a try sends nothing, and tells whether it may", async () => {
  const may = await start(["conversation:message:create"]);
  expect(await may.tryMessage()).toMatchObject({ status: "refused", error: { status: 400 } });
  expect(await may.tryEmail()).toMatchObject({
    status: "refused",
    error: { status: 403, permissions: ["conversation:email:create", "conversation:agentlessEmail:send"] },
  });
  expect([simulator.messagesTo(""), simulator.emails()]).toEqual([[], []]);
});
