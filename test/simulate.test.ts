/** `omb simulate` as a process: what somebody who writes another connector meets. */
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";

// Whole processes, on machines that may be busy with other tests.
jest.setTimeout(60_000);

const root = join(__dirname, "..");
const command = ["--import", "tsx", "src/main.ts", "simulate"];

test("signs what an agent says to a connector, and ends on SIGTERM", async () => {
  const secret = "practice-secret-0001";
  const received: { signature: unknown; body: Buffer }[] = [];
  const connector = createServer(async (request, response) => {
    received.push({ signature: request.headers["x-hub-signature-256"], body: await buffer(request) });
    response.end();
  }).listen(0, "127.0.0.1");
  await once(connector, "listening");
  const webhook = `http://127.0.0.1:${(connector.address() as AddressInfo).port}/`;
  const args = [...command, "--port", "0", "--json", "--webhook", webhook, "--secret", secret];
  const simulator = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  try {
    const printed = await once(simulator.stdout, "data");
    const { url } = JSON.parse(String(printed[0]));
    const said = await fetch(`${url}/_say`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ to: "crew-7781", text: "Good morning" }),
    });
    expect(await said.json()).toMatchObject({ webhook: { ended: "accepted" } });
    expect(received).toHaveLength(1);
    const [{ signature, body } = { signature: "", body: Buffer.alloc(0) }] = received;
    expect(signature).toBe(`sha256=${createHmac("sha256", secret).update(body).digest("base64")}`);
    expect(JSON.parse(String(body))).toMatchObject({ type: "Text", text: "Good morning" });

    simulator.kill("SIGTERM");
    expect(await once(simulator, "exit")).toEqual([0, null]);
  } finally {
    simulator.kill("SIGKILL");
    connector.close();
    connector.closeAllConnections();
  }
});

test("wrong flags end with 2, and say which", () => {
  const { status, stderr } = spawnSync(process.execPath, [...command, "--prot", "4010"], { cwd: root });
  expect({ status, says: String(stderr).includes("--prot") }).toEqual({ status: 2, says: true });
});
