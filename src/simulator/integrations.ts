/** The Open Messaging integrations of the simulated organisation. */
import { notFound } from "./api-error";
import { newEntityId } from "./ids";
import type { Integration, State } from "./state";
import type { WebhookTarget } from "./webhook-sender";

/** An integration as a test or the command line describes it. */
export interface IntegrationInput {
  id?: string;
  name: string;
  /** `outboundNotificationWebhookUrl`. */
  webhookUrl: string;
  /** `outboundNotificationWebhookSignatureSecretToken`; must be longer than 15 characters. */
  secret: string;
  /** Added to every webhook. */
  webhookHeaders?: Record<string, string>;
  /** @default both directions on */
  typing?: { inbound: boolean; outbound: boolean };
}

export function createIntegrations({ state, now }: { state: State; now: () => number }) {
  /** Adds an integration, ready for use. Replaces one with the same id. */
  function add(input: IntegrationInput): Integration {
    if (input.secret.length <= 15) throw new RangeError("the signature secret must be longer than 15 characters");
    const integration: Integration = {
      webhookHeaders: {},
      typing: { inbound: true, outbound: true },
      ...input,
      id: input.id ?? newEntityId(),
      createStatus: "Completed",
      dateCreated: new Date(now()).toISOString(),
    };
    state.integrations.set(integration.id, integration);
    return integration;
  }

  /** The integration, or the 404 of the API. */
  function get(id: string): Integration {
    const found = state.integrations.get(id);
    if (!found) throw notFound();
    return found;
  }

  /** The only integration when none is named. */
  function getOrOnly(id: string | undefined): Integration {
    if (id !== undefined) return get(id);
    const [only, another] = state.integrations.values();
    if (!only || another) throw notFound("Name the integration: there is not exactly one.");
    return only;
  }

  return { add, get, getOrOnly };
}
export type Integrations = ReturnType<typeof createIntegrations>;

/** Where and how an integration's webhooks go. */
export function targetOf({ id, webhookUrl, secret, webhookHeaders }: Integration): WebhookTarget {
  return { integrationId: id, url: webhookUrl, secret, headers: webhookHeaders };
}
