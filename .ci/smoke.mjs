// Starts the built bridge with plain node, sends it one signed message and sees it delivered; then a clean stop.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "omb-smoke-"));
const delivered = [];
const adapter = createServer((req, res) => {
  let body = "";
  req.on("data", (chunk) => (body += chunk));
  req.on("end", () => {
    delivered.push(JSON.parse(body));
    res.writeHead(200, { "content-type": "application/json" }).end('{"status":"delivered"}');
  });
}).listen(0, "127.0.0.1");
await once(adapter, "listening");

const secret = "smoke-test-secret-0001";
const settings = {
  integrations: [
    { name: "smoke", id: "2655b4c8-6386-5a64-8346-d47fed659046", signatureSecrets: ["env:SMOKE_SECRET"], channel: "chat" },
  ],
  channels: {
    chat: {
      type: "http",
      url: `http://127.0.0.1:${adapter.address().port}/deliver`,
      secret: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
      confirms: "delivered",
    },
  },
};
writeFileSync(join(directory, "config.json"), JSON.stringify(settings));
const port = await freePort();
const env = {
  PATH: process.env.PATH,
  OMB_CONFIG: join(directory, "config.json"),
  DATA_DIR: join(directory, "data"),
  SMOKE_SECRET: secret,
  ADMIN_TOKEN: "smoke-admin-token-0001",
  HOST: "127.0.0.1",
  PORT: String(port),
};
const base = `http://127.0.0.1:${port}`;
const bridge = spawn(process.execPath, ["dist/main.js", "serve"], { env, stdio: ["ignore", "inherit", "inherit"] });
try {
  await until(async () => (await fetch(`${base}/health/ready`)).ok);
  const id = "90519fdfcda199f52d6757d95d97d47f";
  const body = JSON.stringify({
    id,
    channel: { id: settings.integrations[0].id, to: { id: "visitor-1", idType: "Opaque" }, time: new Date().toISOString() },
    type: "Text",
    text: "Good morning",
    direction: "Outbound",
  });
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("base64")}`;
  const post = (header) =>
    fetch(`${base}/genesys/smoke/outbound`, { method: "POST", body, headers: { "x-hub-signature-256": header } });
  assert.equal((await post("sha256=forged")).status, 401);
  assert.equal((await post(signature)).status, 200);
  assert.equal((await post(signature)).status, 200);
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const read = async (path) => (await fetch(`${base}/api/v1${path}`, { headers })).json();
  await until(async () => (await read(`/messages/${id}`)).fate === "delivered");
  assert.equal(delivered.length, 1);
  assert.equal((await read("/audit")).ok, true);
  bridge.kill("SIGTERM");
  const [code] = await once(bridge, "exit");
  assert.equal(code, 0);
  console.log("smoke: stored, delivered once, audited, stopped");
} finally {
  bridge.kill("SIGKILL");
  adapter.close();
  adapter.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
}

async function until(isTrue) {
  const end = Date.now() + 20_000;
  for (;;) {
    if (await isTrue().catch(() => false)) return;
    assert.ok(Date.now() < end, "timed out");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}
