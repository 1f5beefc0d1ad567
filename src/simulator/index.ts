/**
 * A Genesys Cloud to practise on: a real HTTP server with its own state that a bridge, the official SDK or any other
 * connector can talk to. It logs clients in, limits their requests, checks permissions and bodies, keeps conversations,
 * signs webhooks and repeats them with the timing of the real one.
 *
 * @example
 * const simulator = createSimulator({
 *   integrations: [{ id: "2655b4c8-…", name: "chat", webhookUrl: "http://127.0.0.1:3000/genesys/chat/outbound", secret }],
 * });
 * await simulator.start();
 * const said = simulator.say({ recipient: "crew-7781" }, "Good morning");
 * await said.sent;                          // the webhook was answered
 * simulator.messageStatus(said.messageId);  // "sent", later what the connector's receipt says
 * await simulator.stop();
 */
export type { Utterance } from "./outbound-message";
export { createSimulator, defaultClient, type Simulator, type SimulatorOptions } from "./simulator";
