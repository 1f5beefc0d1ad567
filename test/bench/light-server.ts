/**
 * As much of an HTTP/1.1 server as undici needs on the other side. What plays the adapter and Genesys Cloud shares its machine with
 * what is measured, and node:http would take three times as much of it.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** Takes one request, head and body, and returns the JSON to answer with status 200. */
export type Respond = (request: { head: string; body: Buffer }) => string;

/** Listens on a free port of 127.0.0.1 and returns its origin. Bodies come with a length or not at all. */
export async function listenLightly(respond: Respond): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => answer(socket, respond));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(socket: Socket, respond: Respond): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    for (;;) {
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = received.toString("latin1", 0, headEnd);
      const bodyAt = headEnd + 4;
      const end = bodyAt + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length < end) return;
      const text = respond({ head, body: received.subarray(bodyAt, end) });
      received = received.subarray(end);
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` +
          `connection: keep-alive\r\nkeep-alive: timeout=60\r\n\r\n${text}`,
      );
    }
  });
}
