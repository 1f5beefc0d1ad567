import { createGenesysClient, type GenesysClient } from "../../src/genesys/client";
import { createReceiptSender, type ReceiptToSend } from "../../src/genesys/receipts";
import { type GenesysServer, startGenesys } from "./genesys-server";

let server: GenesysServer;
let client: GenesysClient;
let sendReceipt: ReturnType<typeof createReceiptSender>;

beforeEach(async () => {
  server = await startGenesys();
  const clients = [{ id: "client-a", secret: "secret-a" }];
  client = createGenesysClient({ organisation: { gatewayUrl: server.url, clients }, now: Date.now });
  sendReceipt = createReceiptSender(client);
});

afterEach(async () => {
  await server.close();
  await client.close();
});

const delivered: ReceiptToSend = {
  integrationId: "2655b4c8-6386-5a64-8346-d47fed659046",
  genesysMessageId: "90519fdfcda199f52d6757d95d97d47f",
  recipient: { id: "crew-7781@chat.harborline.example", idType: "Opaque" },
  status: "Delivered",
  at: "2026-09-14T08:21:09.000Z",
};
const failed: ReceiptToSend = {
  ...delivered,
  status: "Failed",
  reason: { code: "InvalidDestination", message: "The handset was not reached after 4 tries." },
  at: "2026-09-14T08:21:41.000Z",
};

/** The answer of Genesys Cloud: the receipt with what it knows added. */
const echo = (extra: object = {}) =>
  (server.onRequest = ({ body }) => ({
    status: 202,
    body: { ...Object(body), type: "Receipt", direction: "Outbound", ...extra },
  }));

test("Delivered goes out as the final word on the original message", async () => {
  echo();
  expect(await sendReceipt(delivered)).toMatchObject({ status: "done", answer: "HTTP 202" });
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({
    method: "POST",
    path: "/api/v2/conversations/messages/2655b4c8-6386-5a64-8346-d47fed659046/inbound/open/receipt",
  });
  expect(server.requests[0]?.body).toEqual({
    id: "90519fdfcda199f52d6757d95d97d47f",
    channel: { to: { id: "crew-7781@chat.harborline.example", idType: "Opaque" }, time: "2026-09-14T08:21:09.000Z" },
    status: "Delivered",
    isFinalReceipt: true,
  });
});

test("Failed carries its reason, and its echo is no refusal", async () => {
  echo();
  expect(await sendReceipt(failed)).toMatchObject({ status: "done" });
  expect(server.requests[0]?.body).toEqual({
    id: "90519fdfcda199f52d6757d95d97d47f",
    channel: { to: { id: "crew-7781@chat.harborline.example", idType: "Opaque" }, time: "2026-09-14T08:21:41.000Z" },
    status: "Failed",
    reasons: [{ code: "InvalidDestination", message: "The handset was not reached after 4 tries." }],
    isFinalReceipt: true,
  });
});

test("Failed without a reason, or with one that Genesys Cloud does not know, says GeneralError", async () => {
  echo();
  const { reason: _, ...bare } = failed;
  await sendReceipt(bare);
  await sendReceipt({ ...failed, reason: { code: "Sunspots", message: "Too bright." } });
  expect(server.requests.map(({ body }) => body)).toMatchObject([
    { reasons: [{ code: "GeneralError", message: "Not delivered" }] },
    { reasons: [{ code: "GeneralError", message: "Too bright." }] },
  ]);
});

test.each([
  ["email", "Email"],
  ["PHONE", "Phone"],
  ["Opaque", "Opaque"],
  ["Topic", undefined],
  ["", undefined],
  [undefined, undefined],
])("an idType of %p goes out as %p", async (given, sent) => {
  echo();
  const recipient = { id: "ines@example.com", nickname: "Ines", ...(given === undefined ? {} : { idType: given }) };
  await sendReceipt({ ...delivered, recipient });
  const to = { id: "ines@example.com", nickname: "Ines", ...(sent && { idType: sent }) };
  expect(server.requests[0]?.body).toEqual(expect.objectContaining({ channel: { to, time: delivered.at } }));
});

test.each([
  ["a Delivered that is answered with Failed", delivered, { status: "Failed", reasons: [] }],
  ["a Failed that is answered with another failure", failed, { reasons: [{ code: "UnknownMessage", message: "?" }] }],
])("%s is refused", async (_, receipt, extra) => {
  echo(extra);
  expect(await sendReceipt(receipt)).toMatchObject({ status: "refused", error: { code: "receipt.failed" } });
});

test.each([
  ["204 without a body", { status: 204 }],
  ["200 with null", { status: 200, body: "null" }],
  ["200 with a shape of its own", { status: 200, body: { status: 5, reasons: "none" } }],
])("%s is done", async (_, reply) => {
  server.onRequest = () => reply;
  expect(await sendReceipt(delivered)).toMatchObject({ status: "done" });
});

test.each([
  [400, { status: "refused" }],
  [404, { status: "refused" }],
  [429, { status: "later", retryAfterMs: 9_000 }],
  [503, { status: "later", retryAfterMs: 9_000 }],
])("HTTP %i is %p, as a value", async (status, expected) => {
  server.onRequest = () => ({ status, headers: { "retry-after": "9" }, body: { code: "some.code", message: "x" } });
  const answer = `receipts.send: HTTP ${status}, some.code`;
  expect(await sendReceipt(failed)).toMatchObject({ ...expected, answer });
});

test.each([
  ["message id", { genesysMessageId: "" }, "invalid.id"],
  ["recipient", { recipient: { id: "" } }, "invalid.channel.to.id"],
  ["time", { at: "yesterday" }, "invalid.channel.time"],
  ["status", { status: "Read" as "Failed" }, "invalid.status"],
])("a receipt without a proper %s is refused before it is sent", async (_, wrong, code) => {
  expect(await sendReceipt({ ...delivered, ...wrong })).toMatchObject({ status: "refused", error: { code } });
  expect(server.requests).toHaveLength(0);
});
