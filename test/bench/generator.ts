/**
 * The load, in a process of its own. It shares its machine with what it measures, so it writes requests that are ready to
 * bare keep-alive sockets and reads no more of an answer than its status and length.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { answerParent } from "../processes/child";
import { clock, writeRequest } from "./messages";

interface Connection {
  /** Sends one request and calls back with the status of the answer. Only one at a time. */
  send(request: Buffer, onStatus: (status: number) => void): void;
  close(): void;
}

interface Running {
  sent: number;
  accepted: number;
}
let running: Running = { sent: 0, accepted: 0 };

const commands = { flood, prepare, pace, progress: () => ({ sent: running.sent, accepted: running.accepted }) };
export type GeneratorCommands = typeof commands;
answerParent(commands);

/** As fast as answers come: `count` messages from number `first` on over `connections`. Requests are signed before the clock starts. */
async function flood(load: { url: string; connections: number; first: number; count: number }) {
  const { host } = new URL(load.url);
  const requests = Array.from({ length: load.count }, (_, n) => writeRequest(load.first + n, host));
  const pool = await openAll(load.url, load.connections);
  const cpu = process.cpuUsage();
  const startedAt = clock();
  let accepted = 0;
  let next = 0;
  await Promise.all(
    pool.map(
      (connection) =>
        new Promise<void>((resolve) => {
          const sendNext = () => {
            const request = requests[next];
            if (request === undefined) {
              resolve();
              return;
            }
            next += 1;
            connection.send(request, (status) => {
              if (status === 200) accepted += 1;
              sendNext();
            });
          };
          sendNext();
        }),
    ),
  );
  const seconds = (clock() - startedAt) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  for (const one of pool) one.close();
  return { accepted, seconds, cpuShare: (user + system) / 1e6 / seconds };
}

const tickMs = 1;

interface Prepared {
  rate: number;
  requests: Buffer[];
  pool: Connection[];
}
let prepared: Prepared | undefined;

/** Makes the messages of a paced load and opens its connections, so that nothing but sending is left for its clock. */
async function prepare(load: { url: string; connections: number; first: number; rate: number; seconds: number }) {
  const { host } = new URL(load.url);
  const now = Date.now();
  const requests = Array.from({ length: Math.round(load.rate * load.seconds) }, (_, n) =>
    writeRequest(load.first + n, host, now + (n * 1000) / load.rate),
  );
  prepared = { rate: load.rate, requests, pool: await openAll(load.url, load.connections) };
}

/**
 * Sends what was prepared at its rate, whatever the answers do: a message keeps its due time when it has to wait for a connection.
 * Returns the due time of each by {@link clock}.
 */
async function pace() {
  if (prepared === undefined) throw new Error("nothing is prepared");
  const { rate, requests, pool } = prepared;
  prepared = undefined;
  const free = [...pool];
  const total = requests.length;
  const dueAt = new Float64Array(total);
  const state: Running = { sent: 0, accepted: 0 };
  running = state;
  const startedAt = clock();
  const stepUs = 1e6 / rate;
  for (let n = 0; n < total; n += 1) dueAt[n] = startedAt + n * stepUs;
  let answered = 0;
  const done = new Promise<void>((resolve) => {
    const pump = () => {
      const now = clock();
      while (state.sent < total && (dueAt[state.sent] ?? 0) <= now) {
        const connection = free.pop();
        if (connection === undefined) return;
        const request = requests[state.sent];
        if (request === undefined) throw new RangeError("more is due than was made ready");
        connection.send(request, (status) => {
          if (status === 200) state.accepted += 1;
          answered += 1;
          free.push(connection);
          if (answered === total) resolve();
          else pump();
        });
        state.sent += 1;
      }
    };
    const timer = setInterval(() => (state.sent < total ? pump() : clearInterval(timer)), tickMs);
  });
  await done;
  for (const one of pool) one.close();
  return { accepted: state.accepted, dueAt };
}

async function openAll(url: string, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => open(url)));
}

/** Opens again, and repeats what was unanswered, when the server has closed: it does so after some seconds without a request. */
async function open(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  let socket: Socket | undefined = await dial();
  let isClosed = false;
  let received = "";
  let pending: { request: Buffer; onStatus: (status: number) => void } | undefined;

  async function dial(): Promise<Socket> {
    const next = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(next, "connect");
    next.on("data", read);
    next.on("error", () => undefined);
    next.on("close", () => {
      socket = undefined;
      received = "";
      if (pending !== undefined && !isClosed) void dialAgain();
    });
    return next;
  }

  async function dialAgain(): Promise<void> {
    socket = await dial();
    if (pending !== undefined) socket.write(pending.request);
  }

  function read(chunk: Buffer): void {
    received += chunk.toString("latin1");
    const bodyAt = received.indexOf("\r\n\r\n") + 4;
    if (bodyAt < 4) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < bodyAt + length) return;
    const status = Number(received.slice(9, 12));
    received = "";
    // 408 is how node:http says goodbye to a connection that was never used.
    if (status === 408) return;
    const answered = pending;
    pending = undefined;
    answered?.onStatus(status);
  }

  return {
    send(request, onStatus) {
      pending = { request, onStatus };
      if (socket === undefined) void dialAgain();
      else socket.write(request);
    },
    close() {
      isClosed = true;
      socket?.destroy();
    },
  };
}
