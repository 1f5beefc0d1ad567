import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { SMTPServer } from "smtp-server";
import { probeMailbox, readMailbox } from "../../src/channels/mailbox";

const closing: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const url = (protocol: string, port: number) => `${protocol}://bounces:hunter2-hunter2@127.0.0.1:${port}/INBOX`;
const never = () => Promise.reject(new Error("there is no mail"));

async function readFrom(imap: string, timeoutMs = 2000, signal = new AbortController().signal) {
  const round = await readMailbox({ imap, timeoutMs }, never, signal);
  expect(JSON.stringify(round)).not.toMatch(/hunter2|127\.0\.0\.1/);
  return round;
}

test("a server that is away is told, with what mends it", async () => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  const problem = "no connection that holds (ECONNREFUSED)";
  expect(await readFrom(url("imaps", port))).toMatchObject({ status: "failed", code: "ECONNREFUSED", problem });
  const mend = expect.stringMatching(/host and port/);
  expect(await probeMailbox({ imap: url("imaps", port), timeoutMs: 2000 })).toEqual({
    ok: false,
    found: problem,
    mend,
  });
});

test("a certificate that nobody trusts is not trusted", async () => {
  // The certificate that comes with smtp-server is its own authority.
  const server = new SMTPServer({ secure: true, logger: false });
  server.on("error", () => undefined);
  closing.push(() => new Promise<void>((resolve) => server.close(resolve)));
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  expect(await readFrom(url("imaps", port))).toMatchObject({
    status: "failed",
    code: "certificate",
    mend: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
  });
});

describe("a server that", () => {
  async function start(onConnection: (write: (text: string) => void, hangUp: () => void) => void): Promise<number> {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      onConnection(
        (text) => socket.write(text),
        () => socket.destroy(),
      );
    });
    const port = await listen(server);
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return port;
  }

  test("hangs up is told", async () => {
    const port = await start((write, hangUp) => {
      write("* OK ready\r\n");
      hangUp();
    });
    expect(await readFrom(url("imap", port))).toMatchObject({ status: "failed" });
  });

  test("says nothing is not waited for longer than the time limit", async () => {
    const port = await start(() => undefined);
    expect(await readFrom(url("imap", port), 200)).toMatchObject({ status: "failed" });
  });

  test("says nothing holds up no stop", async () => {
    const stopping = new AbortController();
    const port = await start(() => stopping.abort());
    expect(await readFrom(url("imap", port), 30_000, stopping.signal)).toMatchObject({ status: "failed" });
  });
});
