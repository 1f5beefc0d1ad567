/** Open-messaging integrations as Genesys Cloud has them: reading, making, and what they need. */
import { z } from "zod";
import type { GenesysAnswer } from "./answer";
import type { GenesysClient } from "./client";

const reference = z.looseObject({ id: z.string().optional() });

/** `OpenIntegration`, as far as the bridge reads it. */
const integration = z.looseObject({
  id: z.string(),
  name: z.string().default(""),
  outboundNotificationWebhookUrl: z.string().optional(),
  supportedContent: reference.optional(),
  messagingSetting: reference.optional(),
  /** `Initiated`, `Completed` or `Error`; absent on old ones. */
  createStatus: z.string().optional(),
  createError: z.looseObject({ message: z.string().optional() }).optional(),
});
export type OpenIntegration = z.infer<typeof integration>;

const made = z.looseObject({ id: z.string() });

export interface NewIntegration {
  name: string;
  webhookUrl: string;
  /** Longer than 15 characters. */
  secret: string;
  supportedContentId?: string | undefined;
  messagingSettingId?: string | undefined;
}

const pageSize = 100;
/** Pages read at most: an organisation has a handful of integrations. */
const mostPages = 20;

/**
 * Each call is one request, but for listing, which is one per 100 integrations.
 * @see https://developer.genesys.cloud/commdigital/digital/openmessaging/
 */
export function createIntegrations({ ask }: Pick<GenesysClient, "ask">) {
  /** Needs `messaging:integration:view`. */
  function readIntegration(integrationId: string): Promise<GenesysAnswer<OpenIntegration>> {
    return ask({
      operation: "integrations.read",
      priority: "lookup",
      send: ({ conversations }) => conversations.getConversationsMessagingIntegrationsOpenIntegrationId(integrationId),
      answer: integration,
    });
  }

  /** All of them; needs `messaging:integration:view`. */
  async function listIntegrations(): Promise<GenesysAnswer<OpenIntegration[]>> {
    const found: OpenIntegration[] = [];
    for (let pageNumber = 1; ; pageNumber += 1) {
      const page = await ask({
        operation: "integrations.list",
        priority: "lookup",
        send: ({ conversations }) => conversations.getConversationsMessagingIntegrationsOpen({ pageSize, pageNumber }),
        answer: z.looseObject({ entities: z.array(integration).default([]) }),
      });
      if (page.status !== "done") return page;
      found.push(...page.value.entities);
      if (page.value.entities.length < pageSize || pageNumber === mostPages) {
        return { status: "done", answer: page.answer, value: found };
      }
    }
  }

  /** Which media types pass, each way; needs `messaging:supportedContent:add`. */
  function createSupportedContent(name: string, mediaTypes: readonly string[]): Promise<GenesysAnswer<{ id: string }>> {
    const allow = mediaTypes.map((type) => ({ type }));
    // One model serves both ways: the id is filled by Genesys Cloud.
    const body = { id: "", name, mediaTypes: { allow: { inbound: allow, outbound: allow } } };
    return ask({
      operation: "integrations.createSupportedContent",
      priority: "lookup",
      send: ({ conversations }) => conversations.postConversationsMessagingSupportedcontent(body),
      answer: made,
    });
  }

  /** Switches typing on, each way; needs `messaging:setting:add`. */
  function createMessagingSetting(name: string): Promise<GenesysAnswer<{ id: string }>> {
    const body = { name, event: { typing: { on: { inbound: "Enabled", outbound: "Enabled" } } } };
    return ask({
      operation: "integrations.createSetting",
      priority: "lookup",
      send: ({ conversations }) => conversations.postConversationsMessagingSettings(body),
      answer: made,
    });
  }

  /** Making takes a while: read it until its `createStatus` is `Completed`. Needs `messaging:integration:add`. */
  function createIntegration(wanted: NewIntegration): Promise<GenesysAnswer<OpenIntegration>> {
    const { name, webhookUrl, secret, supportedContentId, messagingSettingId } = wanted;
    const body = {
      name,
      outboundNotificationWebhookUrl: webhookUrl,
      outboundNotificationWebhookSignatureSecretToken: secret,
      ...(supportedContentId === undefined ? {} : { supportedContent: { id: supportedContentId } }),
      ...(messagingSettingId === undefined ? {} : { messagingSetting: { id: messagingSettingId } }),
    };
    return ask({
      operation: "integrations.create",
      priority: "lookup",
      send: ({ conversations }) => conversations.postConversationsMessagingIntegrationsOpen(body),
      answer: integration,
    });
  }

  /**
   * Whether the OAuth client may send receipts and customers' messages: a receipt that is none is refused as one where the permission
   * `conversation:message:receive` is there, and with 403 where it is not. Nothing comes of it.
   */
  function tryReceiving(integrationId: string): Promise<GenesysAnswer> {
    const nothing = { id: "", channel: { to: { id: "" }, time: "" }, status: "" };
    return ask({
      operation: "integrations.tryReceiving",
      priority: "lookup",
      send: ({ conversations }) => conversations.postConversationsMessageInboundOpenReceipt(integrationId, nothing),
      answer: z.unknown(),
    });
  }

  return {
    readIntegration,
    listIntegrations,
    createSupportedContent,
    createMessagingSetting,
    createIntegration,
    tryReceiving,
  };
}
export type Integrations = ReturnType<typeof createIntegrations>;
