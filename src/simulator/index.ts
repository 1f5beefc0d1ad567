/**
 * A Genesys Cloud to practise on: a real HTTP server with its own state that a bridge, the official SDK or any other
 * connector can talk to. It logs clients in, limits their requests, checks permissions and bodies, keeps conversations,
 * contacts, canned responses and triggers, signs webhooks, and repeats them with the timing of the real one.
 *
 * In a test:
 *
 *     const simulator = createSimulator({
 *       integrations: [{ id, name: "chat", webhookUrl: "http://127.0.0.1:3000/genesys/chat/outbound", secret }],
 *       webhooks: { retryDelayMs: 20 },
 *     });
 *     await simulator.start();                                   // simulator.url is the gateway of a client
 *     const said = simulator.say({ recipient: "crew-7781" }, "Good morning");
 *     await said.sent;                                           // how the webhook ended, with every attempt
 *     await simulator.next("receipt");                           // what the connector reported
 *     simulator.messageStatus(said.messageId);                   // "delivery-success"
 *     await simulator.stop();
 *
 * Alone, `omb simulate --webhook URL --secret TEXT` does the same for a connector in any language:
 *
 *     POST /oauth/token                     client credentials, as on login.{region}
 *     /api/v2/…                             as on api.{region}; see `simulator.routes`
 *     POST /_say         { "to": "crew-7781", "text": "Good morning" }   or "kind": "media" | "template" | …
 *     POST /_faults      { "route": "POST /api/v2/**", "status": 503, "retryAfterSeconds": 2, "count": 3 }
 *                        { "route": "**", "drop": "after", "count": 1 } · { "route": "**", "expireTokens": true, "count": 1 }
 *                        { "webhook": "*", "duplicates": 1 } · { "webhook": "*", "reorder": true, "count": 1 }
 *                        { "inbound": "*", "reasons": [{ "code": "RateLimited", "message": "…" }], "count": 1 }
 *     POST /_webchats    { "contactId": "…" } starts a chat in a browser; PATCH /_webchats { "conversationId": "…", "browser": "gone" }
 *     GET /_desk         the agent's desk, for a browser
 *     GET, DELETE /_faults · GET /_state · POST /_events · POST /_disconnect · POST /_reset
 *
 * Where Genesys Cloud's behaviour is not documented, the simulator takes the way that shows a connector's mistakes:
 * a receipt for a message it never sent is 404, a final receipt closes a message, a repeated `channel.messageId` is a
 * second message, and the rate limit allows no 60 seconds whatever above it.
 */
export type { ContactInput } from "./contacts";
export type { EndedBy } from "./conversation-end";
export type { Speaker } from "./conversations";
export type { SimulatorEvents } from "./events";
export type { FaultRequest } from "./faults";
export type { IntegrationInput } from "./integrations";
export { defaultClient, type SimulatorOptions } from "./options";
export type { Addressee, Said } from "./outbound";
export type { Utterance } from "./outbound-message";
export { runSimulator, SimulatorUsageError, simulatorUsage } from "./run";
export { playScenario, readScenario, type Scenario, ScenarioError, scenario, type StepResult } from "./scenario";
export { createSimulator, type Simulator } from "./simulator";
export type { MessageStatus, StoredMessage, StoredReceipt } from "./state";
export type { TriggerRun } from "./triggers";
export type { WebChatInput } from "./web-chats";
export type { WebhookRecord } from "./webhook-sender";
