/** Provisioning: integrations, media profiles, messaging settings, identity resolution, recipients. */
import { z } from "zod";
import { notFound, parseBody } from "./api-error";
import { newEntityId } from "./ids";
import type { Integrations } from "./integrations";
import { pageOf, readPage } from "./listing";
import type { Call, Route } from "./route";
import type { Integration, Resource, State } from "./state";

const url = z.string().regex(/^https?:\/\/\S+$/);
/** The API asks for more than 15 characters. */
const secretToken = z.string().min(16);
const reference = z.looseObject({ id: z.string().min(1) });

const newIntegration = z.looseObject({
  name: z.string().min(1),
  supportedContent: reference.nullish(),
  messagingSetting: reference.nullish(),
  outboundNotificationWebhookUrl: url,
  outboundNotificationWebhookSignatureSecretToken: secretToken,
  webhookHeaders: z.record(z.string(), z.string()).nullish(),
});
/** In a PATCH everything may be left out, even the name, which the model calls required and the service does not miss. */
const changedIntegration = newIntegration.partial();
type IntegrationChange = z.infer<typeof changedIntegration>;

const direction = z.enum(["Enabled", "Disabled"]).optional();
const messagingSetting = z.looseObject({
  name: z.string().min(1),
  event: z
    .looseObject({
      typing: z.looseObject({ on: z.looseObject({ inbound: direction, outbound: direction }).nullish() }).nullish(),
    })
    .nullish(),
});
const mediaTypes = z.array(z.looseObject({ type: z.string() })).nullish();
const supportedContent = z.looseObject({
  name: z.string().min(1),
  mediaTypes: z
    .looseObject({ allow: z.looseObject({ inbound: mediaTypes, outbound: mediaTypes }).nullish() })
    .nullish(),
});
const identityResolution = z.looseObject({
  resolveIdentities: z.boolean(),
  externalSource: z.looseObject({ id: z.string().optional() }).nullish(),
});
const recipient = z.looseObject({ flow: reference.nullish() });

const messaging = "/api/v2/conversations/messaging";
const all = `${messaging}/integrations/open`;
const view = { all: ["messaging:integration:view"] };

export function createIntegrationRoutes(deps: {
  state: State;
  integrations: Integrations;
  now: () => number;
}): Route[] {
  const { state, integrations } = deps;

  function create(call: Call) {
    const body = parseBody(newIntegration, call.body);
    const integration: Integration = {
      id: newEntityId(),
      name: body.name,
      webhookUrl: body.outboundNotificationWebhookUrl,
      secret: body.outboundNotificationWebhookSignatureSecretToken,
      webhookHeaders: {},
      typing: { inbound: false, outbound: false },
      createStatus: "Initiated",
      dateCreated: new Date(deps.now()).toISOString(),
    };
    applyChange(integration, body);
    state.integrations.set(integration.id, integration);
    return { status: 200, body: show(integration) };
  }

  /** Creating takes a moment: the first look still shows `Initiated`, and brings it to `Completed`. */
  function read(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    const body = show(integration);
    integration.createStatus = "Completed";
    return { status: 200, body };
  }

  function patch(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    applyChange(integration, parseBody(changedIntegration, call.body));
    integration.dateModified = new Date(deps.now()).toISOString();
    return { status: 200, body: show(integration) };
  }

  function remove(call: Call) {
    state.integrations.delete(integrations.get(call.param("integrationId")).id);
    return { status: 200 };
  }

  function applyChange(integration: Integration, body: IntegrationChange) {
    if (body.name !== undefined) integration.name = body.name;
    if (body.outboundNotificationWebhookUrl !== undefined) integration.webhookUrl = body.outboundNotificationWebhookUrl;
    const token = body.outboundNotificationWebhookSignatureSecretToken;
    if (token !== undefined) integration.secret = token;
    if (body.webhookHeaders) integration.webhookHeaders = body.webhookHeaders;
    if (body.supportedContent)
      integration.supportedContentId = getFrom(state.supportedContents, body.supportedContent.id).id;
    if (body.messagingSetting) {
      const setting = getFrom(state.messagingSettings, body.messagingSetting.id);
      const on = messagingSetting.parse(setting).event?.typing?.on;
      integration.messagingSettingId = setting.id;
      integration.typing = { inbound: on?.inbound === "Enabled", outbound: on?.outbound === "Enabled" };
    }
  }

  function putIdentityResolution(call: Call) {
    const integration = integrations.get(call.param("integrationId"));
    const { resolveIdentities, externalSource } = parseBody(identityResolution, call.body);
    integration.identityResolution = { resolveIdentities, externalSourceId: externalSource?.id };
    return { status: 200, body: showIdentityResolution(integration) };
  }

  function putRecipient(call: Call) {
    const integration = integrations.get(call.param("recipientId"));
    integration.flowId = parseBody(recipient, call.body).flow?.id;
    return { status: 200, body: showRecipient(integration) };
  }

  return [
    {
      method: "GET",
      path: all,
      needs: view,
      handle: ({ query }) => ({
        status: 200,
        body: pageOf([...state.integrations.values()].map(show), readPage(query)),
      }),
    },
    { method: "POST", path: all, needs: { all: ["messaging:integration:add"] }, handle: create },
    { method: "GET", path: `${all}/{integrationId}`, needs: view, handle: read },
    { method: "PATCH", path: `${all}/{integrationId}`, needs: { all: ["messaging:integration:edit"] }, handle: patch },
    {
      method: "DELETE",
      path: `${all}/{integrationId}`,
      needs: { all: ["messaging:integration:delete"] },
      handle: remove,
    },
    {
      method: "GET",
      path: `${messaging}/identityresolution/integrations/open/{integrationId}`,
      needs: view,
      handle: (call) => ({ status: 200, body: showIdentityResolution(integrations.get(call.param("integrationId"))) }),
    },
    {
      method: "PUT",
      path: `${messaging}/identityresolution/integrations/open/{integrationId}`,
      needs: { all: ["messaging:integration:edit", "messaging:identityResolutionOpen:edit"] },
      handle: putIdentityResolution,
    },
    {
      method: "GET",
      path: "/api/v2/routing/message/recipients/{recipientId}",
      needs: { all: ["routing:message:manage"] },
      handle: (call) => ({ status: 200, body: showRecipient(integrations.get(call.param("recipientId"))) }),
    },
    {
      method: "PUT",
      path: "/api/v2/routing/message/recipients/{recipientId}",
      needs: { all: ["routing:message:manage"] },
      handle: putRecipient,
    },
    ...createResourceRoutes({
      path: `${messaging}/supportedcontent`,
      idName: "supportedContentId",
      permission: "messaging:supportedContent",
      schema: supportedContent,
      collection: state.supportedContents,
      now: deps.now,
    }),
    ...createResourceRoutes({
      path: `${messaging}/settings`,
      idName: "messageSettingId",
      permission: "messaging:setting",
      schema: messagingSetting,
      collection: state.messagingSettings,
      now: deps.now,
    }),
  ];
}

/** Create, list and read of things that are kept as they were given. */
function createResourceRoutes(about: {
  path: string;
  idName: string;
  permission: string;
  schema: z.ZodObject;
  collection: Map<string, Resource>;
  now: () => number;
}): Route[] {
  const { path, collection, permission } = about;

  function create(call: Call) {
    const id = newEntityId();
    const created = {
      ...parseBody(about.schema, call.body),
      id,
      dateCreated: new Date(about.now()).toISOString(),
      selfUri: `${path}/${id}`,
    };
    collection.set(id, created);
    return { status: 200, body: created };
  }

  const needs = { any: [`${permission}:view`] };
  return [
    { method: "POST", path, needs: { any: [`${permission}:add`] }, handle: create },
    {
      method: "GET",
      path,
      needs,
      handle: ({ query }) => ({ status: 200, body: pageOf([...collection.values()], readPage(query)) }),
    },
    {
      method: "GET",
      path: `${path}/{${about.idName}}`,
      needs,
      handle: (call) => ({ status: 200, body: getFrom(collection, call.param(about.idName)) }),
    },
  ];
}

function getFrom(collection: ReadonlyMap<string, Resource>, id: string): Resource {
  const found = collection.get(id);
  if (!found) throw notFound();
  return found;
}

function show(integration: Integration) {
  const { id, supportedContentId, messagingSettingId } = integration;
  return {
    id,
    name: integration.name,
    supportedContent: refer(`${messaging}/supportedcontent`, supportedContentId),
    messagingSetting: refer(`${messaging}/settings`, messagingSettingId),
    outboundNotificationWebhookUrl: integration.webhookUrl,
    outboundNotificationWebhookSignatureSecretToken: integration.secret,
    webhookHeaders: integration.webhookHeaders,
    status: "Active",
    recipient: refer("/api/v2/routing/message/recipients", id),
    dateCreated: integration.dateCreated,
    dateModified: integration.dateModified,
    createStatus: integration.createStatus,
    selfUri: `${all}/${id}`,
  };
}

function showIdentityResolution({ id, identityResolution: config }: Integration) {
  return {
    resolveIdentities: config?.resolveIdentities ?? false,
    externalSource: refer("/api/v2/externalcontacts/externalsources", config?.externalSourceId),
    selfUri: `${messaging}/identityresolution/integrations/open/${id}`,
  };
}

function showRecipient({ id, name, flowId }: Integration) {
  const selfUri = `/api/v2/routing/message/recipients/${id}`;
  return { id, name, flow: flowId === undefined ? undefined : { id: flowId }, messengerType: "open", selfUri };
}

function refer(path: string, id: string | undefined) {
  return id === undefined ? undefined : { id, selfUri: `${path}/${id}` };
}
