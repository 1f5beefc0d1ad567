/** Stands in for the bridge's `/channels/{channel}/…`: takes what the adapter tells, and is difficult where asked to be. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type AdapterReceipt, adapterBodies, adapterReceipt } from "../message/adapter";
import { verifyStandardWebhook } from "../standard-webhooks";

/** One request of the adapter. */
export interface Callback {
  path: string;
  webhookId: string;
  /** What is wrong with it, as the bridge would say; undefined when it is right. */
  problem?: { kind: "path" | "signature" | "body"; message: string };
  receipt?: AdapterReceipt;
}

/** How the first receipt of a delivery is met: refused with 503, or cut off without an answer. */
export type Trouble = "refuse" | "hang up";

export interface CallbackReceiver {
  /** What the adapter must know as the bridge's URL. */
  url: string;
  received: readonly Callback[];
  /** Makes trouble for the first receipt of that delivery. */
  trouble(deliveryId: string, trouble: Trouble): void;
  /** Resolves with true as soon as `holds`, with false when it does not in time. */
  until(holds: () => boolean, waitMs: number): Promise<boolean>;
  close(): Promise<void>;
}

const largestBody = 2_000_000;
const route = /^\/(?:[^?]*\/)?channels\/[^/?]+\/([^/?]+)\/?(?:\?.*)?$/;

/** Listens on `host` and `port`; port 0 is any free one. Rejects when it is taken. */
export async function receiveCallbacks(at: {
  host: string;
  port: number;
  secret: string;
  now: () => Date;
}): Promise<CallbackReceiver> {
  const received: Callback[] = [];
  const troubles = new Map<string, Trouble>();
  const server = createServer((req, res) => {
    take(req, res).catch(() => res.destroy());
  });
  server.listen(at.port, at.host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (Number(req.headers["content-length"] ?? 0) > largestBody) return answer(res, 413, "too large");
    const callback = read(req, await buffer(req));
    received.push(callback);
    const { problem, receipt } = callback;
    const status = problem === undefined ? 202 : { path: 404, signature: 401, body: 400 }[problem.kind];
    const trouble = problem === undefined && receipt?.deliveryId ? troubles.get(receipt.deliveryId) : undefined;
    troubles.delete(receipt?.deliveryId ?? "");
    if (trouble === "hang up") res.destroy();
    else if (trouble === "refuse") answer(res, 503, "store_unavailable");
    else answer(res, status, problem?.message);
    server.emit("callback");
  }

  function read(req: IncomingMessage, body: Buffer): Callback {
    const path = req.url ?? "";
    const webhookId = String(req.headers["webhook-id"] ?? "");
    const refuse = (kind: "path" | "signature" | "body", message: string): Callback => ({
      path,
      webhookId,
      problem: { kind, message },
    });
    const kind = route.exec(path)?.[1] ?? "";
    if (req.method !== "POST" || !isKind(kind)) return refuse("path", `no route is ${req.method} ${path}`);
    const verdict = verifyStandardWebhook({ secret: at.secret, headers: req.headers, body, now: at.now() });
    if (!verdict.ok) return refuse("signature", verdict.problem);
    const valid = adapterBodies[kind].safeParse(parseJson(body));
    if (!valid.success) {
      const [issue] = valid.error.issues;
      return refuse(
        "body",
        `${kind}: ${issue?.path.map(String).join(".") || "the body"}: ${issue?.message ?? "invalid"}`,
      );
    }
    return { path, webhookId, ...(kind === "receipts" ? { receipt: adapterReceipt.parse(valid.data) } : {}) };
  }

  return {
    url: `http://${at.host.includes(":") ? `[${at.host}]` : at.host}:${port}`,
    received,
    trouble: (deliveryId, trouble) => void troubles.set(deliveryId, trouble),
    async until(holds, waitMs) {
      const gaveUp = AbortSignal.timeout(waitMs);
      while (!holds()) {
        try {
          await once(server, "callback", { signal: gaveUp });
        } catch {
          return holds();
        }
      }
      return true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function isKind(kind: string): kind is keyof typeof adapterBodies {
  return Object.hasOwn(adapterBodies, kind);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function answer(res: ServerResponse, status: number, message: string | undefined): void {
  const body = message === undefined ? { status: "stored" } : { error: { message } };
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
