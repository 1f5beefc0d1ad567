/** A name server on a free UDP port that knows a few TXT records. */
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { AUTHORITATIVE_ANSWER, decode, encode } from "dns-packet";

/** Names and the TXT records at each; a name that is not there does not exist. `SERVFAIL`: the server cannot say. */
export type Zone = Record<string, string[] | "SERVFAIL">;

/** The response code of a name that does not exist, and of a server that cannot say (RFC 1035 section 4.1.1). */
const rcodes = { NXDOMAIN: 3, SERVFAIL: 2 };

/** `zone` is read at each question, so that a test may change it. */
export async function startDnsServer(zone: Zone) {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (packet, from) => {
    const { id, questions = [] } = decode(packet);
    const name = questions[0]?.name ?? "";
    asked.push(name);
    const found = zone[name.toLowerCase()];
    const rcode = found === "SERVFAIL" ? rcodes.SERVFAIL : found === undefined ? rcodes.NXDOMAIN : 0;
    const answers = Array.isArray(found)
      ? found.map((text) => ({ type: "TXT" as const, name, ttl: 60, data: text.match(/.{1,255}/gs) ?? [""] }))
      : [];
    const answer = encode({ type: "response", id: id ?? 0, flags: AUTHORITATIVE_ANSWER | rcode, questions, answers });
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  return {
    asked,
    /** Asks this server and no other. */
    resolveTxt(name: string): Promise<string[][]> {
      const resolver = new Resolver({ timeout: 300, tries: 1 });
      resolver.setServers([`127.0.0.1:${port}`]);
      return resolver.resolveTxt(name);
    },
    async stop(): Promise<void> {
      socket.close();
      await once(socket, "close");
    },
  };
}
