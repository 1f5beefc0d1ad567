/** How a simulator is set up. */
import type { IntegrationInput } from "./integrations";
import type { RateWindow } from "./rate-limit";
import type { ClientAccount } from "./token";
import type { Workflow } from "./triggers";
import type { WebhookTiming } from "./webhook-sender";

export interface SimulatorOptions {
  /** OAuth clients. @default one that may do everything: `simulator-client` / `simulator-secret` */
  clients?: readonly ClientAccount[];
  integrations?: readonly IntegrationInput[];
  /** Requests one token may make in a minute. @default 300 */
  requestsPerMinute?: number;
  /** Requests all tokens of one client may make in a minute. @default 3000, or `requestsPerMinute` when that is more */
  requestsPerMinutePerClient?: number;
  /** Agentless e-mails the organisation may send in a minute. @default 300 */
  emailsPerMinute?: number;
  /** How the minute is measured. @default "sliding" */
  rateWindow?: RateWindow;
  /** Times of the webhooks. @default 10 s for an answer, 5 retries, 5 s apart */
  webhooks?: Partial<WebhookTiming>;
  /** Report customers' messages on the webhook as `Published`. @default true */
  publishReceipts?: boolean;
  /** Take receipts for messages that were not sent from here. @default false: 404 */
  acceptStrayReceipts?: boolean;
  /** Where triggers' workflows post to, by workflow id; `*` serves those not named. @default nowhere */
  workflows?: Record<string, Workflow>;
  /** How long a second of a trigger's `delayBySeconds` lasts, in milliseconds. @default 1000 */
  triggerSecondMs?: number;
  /** Whether a download must bring a token. @default true */
  downloadsNeedToken?: boolean;
  /** File that keeps the organisation over restarts. @default none */
  stateFile?: string;
  /** @default 0: a free port */
  port?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** Requests the log keeps. @default 100000 */
  keepRequests?: number;
  /** Clock, milliseconds. @default Date.now */
  now?: () => number;
}

/** The client that a simulator makes when none is given. */
export const defaultClient: ClientAccount = { id: "simulator-client", secret: "simulator-secret" };
