/** `POST /conversations/messages/{integrationId}/inbound/open/receipt`: what the connector says became of a message. */
import { notFound, parseBody } from "./api-error";
import type { Conversations } from "./conversations";
import type { Events } from "./events";
import { inboundReceipt } from "./inbound-schemas";
import type { Integrations } from "./integrations";
import type { Call, Route } from "./route";
import type { State, StoredReceipt } from "./state";

export interface ReceiptsDeps {
  state: State;
  conversations: Conversations;
  integrations: Integrations;
  emit: Events["emit"];
  now: () => number;
  /** Take receipts for messages this organisation never sent, instead of answering 404. */
  acceptStrayReceipts: boolean;
}

export function createReceiptRoutes(deps: ReceiptsDeps): Route[] {
  function takeReceipt(call: Call) {
    const integration = deps.integrations.get(call.param("integrationId"));
    const body = parseBody(inboundReceipt, call.body);
    const message = deps.state.messages.get(body.id);
    const isOurs = message?.direction === "outbound" && message.fromAddress === integration.id;
    if (!isOurs && !deps.acceptStrayReceipts) throw notFound("The message this receipt speaks of was not found.");

    const { id, status, reasons, isFinalReceipt } = body;
    const normalized = {
      id,
      channel: {
        id: integration.id,
        platform: "Open",
        type: "Private",
        messageId: id,
        to: body.channel.to,
        from: { id: integration.id, idType: "Opaque" },
        time: body.channel.time,
      },
      type: "Receipt",
      status,
      ...(reasons ? { reasons } : {}),
      ...(isFinalReceipt === undefined ? {} : { isFinalReceipt }),
      direction: "Outbound",
    };
    const receipt: StoredReceipt = {
      messageId: id,
      integrationId: integration.id,
      receivedAt: new Date(deps.now()).toISOString(),
      status,
      reasons,
      isFinalReceipt,
      normalized,
    };
    if (message && isOurs) deps.conversations.applyReceipt(message, receipt);
    else deps.emit("receipt", receipt);
    return { status: 200, body: normalized };
  }

  return [
    {
      method: "POST",
      path: "/api/v2/conversations/messages/{integrationId}/inbound/open/receipt",
      needs: { all: ["conversation:message:receive"] },
      handle: takeReceipt,
    },
  ];
}
