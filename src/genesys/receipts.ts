/** What we tell Genesys Cloud of the messages it gave us. */
import { z } from "zod";
import { reasonCode } from "../message/message";
import { codeOfIssue, type GenesysAnswer, refuse } from "./answer";
import type { GenesysClient } from "./client";

/** The last word on one message. */
export interface ReceiptToSend {
  integrationId: string;
  /** `id` of the webhook body. */
  genesysMessageId: string;
  /** The customer, as in the webhook's `channel.to`. */
  recipient: { id: string; idType?: string; nickname?: string };
  /** `Read` is not among what Genesys Cloud takes. */
  status: "Delivered" | "Failed";
  /** Why it failed; a code that Genesys Cloud does not know goes out as `GeneralError`. */
  reason?: { code: string; message: string };
  /** When it was delivered or failed, ISO 8601. */
  at: string;
}

/** `OpenInboundNormalizedReceipt`, as strict as Genesys Cloud is. */
export const receiptBody = z.strictObject({
  id: z.string().min(1),
  channel: z.strictObject({
    to: z.strictObject({
      id: z.string().min(1),
      idType: z.enum(["Email", "Phone", "Opaque"]).optional(),
      nickname: z.string().optional(),
    }),
    time: z.iso.datetime(),
  }),
  status: z.enum(["Delivered", "Failed"]),
  reasons: z.array(z.strictObject({ code: reasonCode.catch("GeneralError"), message: z.string() })).optional(),
  isFinalReceipt: z.literal(true),
});
export type ReceiptBody = z.infer<typeof receiptBody>;

/** The answer is itself a receipt, when there is one; the status decides, whatever else it may hold. */
const receiptAnswer = z
  .looseObject({
    status: z.string().optional().catch(undefined),
    reasons: z
      .array(z.looseObject({ code: z.string() }))
      .optional()
      .catch(undefined),
  })
  .nullish();

/**
 * A sender of final receipts. `refused` when Genesys Cloud, or the receipt it answers with, says `Failed`.
 * @see https://developer.genesys.cloud/commdigital/digital/openmessaging/inboundReceiptMessages
 */
export function createReceiptSender({ ask }: Pick<GenesysClient, "ask">) {
  return async function sendReceipt(receipt: ReceiptToSend): Promise<GenesysAnswer> {
    const operation = "receipts.send";
    const body = receiptBody.safeParse(writeReceipt(receipt));
    if (!body.success) return refuse(operation, codeOfIssue(body.error));
    const result = await ask({
      operation,
      priority: receipt.status === "Failed" ? "failedReceipt" : "deliveredReceipt",
      send: ({ conversations }) =>
        conversations.postConversationsMessageInboundOpenReceipt(receipt.integrationId, body.data),
      answer: receiptAnswer,
    });
    if (result.status !== "done" || !isRefusal(body.data, result.value)) return result;
    return refuse(operation, "receipt.failed");
  };
}

/** The body of a receipt. An `idType` that Genesys Cloud does not know is left out, which it allows. */
export function writeReceipt({ genesysMessageId, recipient, status, reason, at }: ReceiptToSend): unknown {
  const idType = idTypes.find((known) => known.toLowerCase() === recipient.idType?.toLowerCase());
  const { id, nickname } = recipient;
  return {
    id: genesysMessageId,
    channel: { to: { id, ...(idType && { idType }), ...(nickname && { nickname }) }, time: at },
    status,
    ...(status === "Failed" && { reasons: [reason ?? { code: "GeneralError", message: "Not delivered" }] }),
    isFinalReceipt: true,
  };
}

const idTypes = ["Email", "Phone", "Opaque"] as const;

/** An answer that says `Failed` refuses the receipt, unless it only repeats the failure that we reported. */
function isRefusal(sent: ReceiptBody, answer: z.infer<typeof receiptAnswer>): boolean {
  if (answer?.status !== "Failed") return false;
  const echoed = answer.reasons?.every(({ code }) => sent.reasons?.some((reason) => reason.code === code)) ?? true;
  return sent.status !== "Failed" || !echoed;
}
