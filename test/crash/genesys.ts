/** As much of Genesys Cloud as a bridge under crashes needs: it gives a token, takes receipts, and remembers each. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { drawFor } from "./chance";

export interface TakenReceipt {
  messageId: string;
  status: string;
  arrivedAt: number;
  /** 503 now and then, at the first try. */
  httpStatus: number;
}

export interface Genesys {
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>;
  receipts: TakenReceipt[];
}

export function createGenesys(): Genesys {
  const receipts: TakenReceipt[] = [];
  const seen = new Set<string>();

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const arrivedAt = Date.now();
    const body = await text(req);
    if (req.url?.endsWith("/oauth/token")) {
      answer(res, 200, { access_token: "crash", token_type: "bearer", expires_in: 86_400 });
      return;
    }
    const { id: messageId, status } = JSON.parse(body) as { id: string; status: string };
    const isTooBusy = !seen.has(messageId) && drawFor("genesys", messageId) < 0.03;
    seen.add(messageId);
    const httpStatus = isTooBusy ? 503 : 200;
    receipts.push({ messageId, status, arrivedAt, httpStatus });
    answer(res, httpStatus, {});
  }
  return { handle, receipts };
}

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
