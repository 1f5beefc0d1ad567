/** Faults on request: what goes wrong, where, and how often. */
import { z } from "zod";
import { reasonCode } from "../message/message";
import { newEntityId } from "./ids";

const howOften = {
  /** Times it strikes; absent: until it is cleared. */
  count: z.int().positive().optional(),
  /** Times it lets pass before it strikes first. */
  skip: z.int().nonnegative().optional(),
};

/** A fault of the API or of the login. */
export const apiFault = z.strictObject({
  /** `METHOD path` or a path; `*` stands for one segment, `**` for any rest. @default every route */
  route: z.string().default("**"),
  ...howOften,
  /** Answers this much later. */
  delayMs: z.int().nonnegative().optional(),
  /** Answers this error instead of doing anything. */
  status: z.int().min(400).max(599).optional(),
  /** Genesys Cloud's code and words for that error, where the status alone does not say them. */
  code: z.string().min(1).optional(),
  message: z.string().min(1).optional(),
  /** `empty` leaves the answer's body out, of this `status` or of a success. @default "genesys" */
  body: z.enum(["genesys", "empty"]).default("genesys"),
  retryAfterSeconds: z.int().positive().optional(),
  /** Cuts the connection: `before` anything is done, or `after` it is done, so that the caller cannot know. */
  drop: z.enum(["before", "after"]).optional(),
  /** Ends every token before the request is looked at. */
  expireTokens: z.boolean().optional(),
});
export type ApiFault = z.infer<typeof apiFault>;

/** A fault of the webhooks that go out. */
export const webhookFault = z.strictObject({
  /** Integration id, or `*`. */
  webhook: z.string(),
  ...howOften,
  /** Sends so many copies more. */
  duplicates: z.int().positive().optional(),
  delayMs: z.int().nonnegative().optional(),
  /** Lets the next webhook of the integration go first; goes by itself after a second. */
  reorder: z.boolean().optional(),
  /** Takes so many answers for lost, so that the real retries follow. */
  loseAnswers: z.int().positive().optional(),
});
export type WebhookFault = z.infer<typeof webhookFault>;

/** Customers' messages that Genesys Cloud accepts and then reports as failed. */
export const inboundFault = z.strictObject({
  /** Integration id, or `*`. */
  inbound: z.string(),
  ...howOften,
  reasons: z.array(z.object({ code: reasonCode.optional(), message: z.string() })).min(1),
});
export type InboundFault = z.infer<typeof inboundFault>;

export const fault = z.union([webhookFault, inboundFault, apiFault]);
export type FaultRequest = z.input<typeof fault>;

interface Planned<Kind> {
  id: string;
  fault: Kind;
  left: number;
  skip: number;
}

/** Keeps the planned faults; the first that fits strikes and is counted down. */
export function createFaults() {
  const planned: Planned<z.infer<typeof fault>>[] = [];

  /** Plans a fault; its id clears it. */
  function add(request: FaultRequest) {
    const parsed = fault.parse(request);
    const entry = { id: newEntityId(), fault: parsed, left: parsed.count ?? Infinity, skip: parsed.skip ?? 0 };
    planned.push(entry);
    return entry.id;
  }

  /** Forgets one fault or all of them; how many it was. */
  function clear(id?: string) {
    const kept = planned.filter((entry) => id !== undefined && entry.id !== id);
    const gone = planned.length - kept.length;
    planned.splice(0, planned.length, ...kept);
    return gone;
  }

  function list() {
    return planned.map(({ id, fault: what, left }) => ({ id, ...what, left: Number.isFinite(left) ? left : null }));
  }

  function takeApiFault(method: string, path: string) {
    return take((what): what is ApiFault => "route" in what && fitsRoute(what.route, method, path));
  }

  function takeWebhookFault(integrationId: string) {
    return take((what): what is WebhookFault => "webhook" in what && ["*", integrationId].includes(what.webhook));
  }

  function takeInboundFault(integrationId: string) {
    return take((what): what is InboundFault => "inbound" in what && ["*", integrationId].includes(what.inbound));
  }

  function take<Kind extends z.infer<typeof fault>>(fits: (what: z.infer<typeof fault>) => what is Kind) {
    for (const [index, entry] of planned.entries()) {
      if (!fits(entry.fault)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left === 0) planned.splice(index, 1);
      return entry.fault;
    }
    return undefined;
  }

  return { add, clear, list, takeApiFault, takeWebhookFault, takeInboundFault };
}
export type Faults = ReturnType<typeof createFaults>;

function fitsRoute(pattern: string, method: string, path: string) {
  const [first = "", second] = pattern.trim().split(/\s+/);
  if (second !== undefined && first.toUpperCase() !== method) return false;
  const source = (second ?? first)
    .split(/(\*\*|\*)/)
    .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}$`).test(path);
}
