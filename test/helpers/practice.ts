/** A bridge and a whole Genesys Cloud to practise on, triggers and contacts included, that know each other. */
import platformClient from "purecloud-platform-client-v2";
import { createSimulator, type SimulatorOptions } from "../../src/simulator";
import type { Engine } from "../../src/store/engine";
import { adminToken, eventToken, integrationId, type SceneOptions, signatureSecret, startScene } from "./bridge";
import { atEnd } from "./clean-up";

export interface PracticeOptions extends SceneOptions {
  simulator?: SimulatorOptions;
}

export async function startPractice(engine: Engine, { simulator: options, ...scene }: PracticeOptions = {}) {
  const simulator = createSimulator({
    clients: [{ id: "client-a", secret: "secret-a" }],
    requestsPerMinute: 60_000,
    webhooks: { retryDelayMs: 20 },
    triggerSecondMs: 1,
    ...options,
  });
  await simulator.start();
  atEnd(simulator.stop);
  const bridge = await startScene(engine, { ...scene, gatewayUrl: simulator.url });

  function connect() {
    simulator.addIntegration({
      id: integrationId,
      name: "Harborline Chat",
      webhookUrl: bridge.url("/genesys/harborline-chat/outbound"),
      secret: signatureSecret,
    });
    simulator.addWorkflow("*", {
      url: bridge.url("/genesys/events"),
      headers: { authorization: `Bearer ${eventToken}` },
    });
  }
  connect();

  /** Posts an event as a data action would. */
  function sendEvent(body: unknown, token = eventToken) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return bridge.call("POST", "/genesys/events", headers, typeof body === "string" ? body : JSON.stringify(body));
  }

  /** Calls the admin API. */
  async function callApi<Shape>(path: string, body: unknown, token = adminToken) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const { status, text } = await bridge.call("POST", `/api/v1${path}`, headers, JSON.stringify(body));
    return { status, body: JSON.parse(text) as Shape };
  }

  return { ...bridge, simulator, connect, sendEvent, callApi };
}
export type Practice = Awaited<ReturnType<typeof startPractice>>;

/** The official SDK, logged in at a simulator, as an administrator or an integration would use it. */
export async function openSdk(gatewayUrl: string) {
  const client = new platformClient.ApiClientClass();
  client.config.live_reload_config = false;
  const { hostname, port } = new URL(gatewayUrl);
  client.setGateway({
    host: hostname,
    protocol: "http",
    port: Number(port),
    path_params_login: "",
    path_params_api: "",
  });
  await client.loginClientCredentialsGrant("client-a", "secret-a");
  return {
    conversations: new platformClient.ConversationsApi(client),
    contacts: new platformClient.ExternalContactsApi(client),
    automation: new platformClient.ProcessAutomationApi(client),
  };
}
