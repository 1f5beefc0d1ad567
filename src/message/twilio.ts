/** Twilio's words in ours: error codes and message statuses (Twilio, "Error and Warning Dictionary", "Message Status Values"). Pure. */
import { z } from "zod";
import type { Reason, ReasonCode } from "./message";

const meanings: Readonly<Record<string, ReasonCode>> = {
  "21211": "InvalidDestination",
  "21214": "InvalidDestination",
  "21217": "InvalidDestination",
  "21265": "InvalidDestination",
  "21408": "MessageNotAllowed",
  "21602": "InvalidMessageStructure",
  "21604": "InvalidDestination",
  "21605": "InvalidMediaContentLength",
  "21610": "RecipientOptedOut",
  "21612": "InvalidDestination",
  "21614": "InvalidDestination",
  "21617": "InvalidMediaContentLength",
  "21619": "InvalidMessageStructure",
  "21623": "InvalidMediaContentLength",
  "30002": "MessageNotAllowed",
  "30003": "InvalidDestination",
  "30004": "MessageNotAllowed",
  "30005": "InvalidDestination",
  "30006": "InvalidDestination",
  "30007": "DataFiltered",
  "30008": "GeneralError",
  "30011": "MediaTypeNotAllowed",
  "30019": "InvalidMediaContentLength",
  "30022": "RateLimited",
  "30032": "MessageNotAllowed",
  "30034": "MessageNotAllowed",
  "30036": "MessageExpired",
  "63003": "InvalidDestination",
  "63018": "RateLimited",
};

/** What an error code of Twilio means to the customer's message; `GeneralError` for one that is new. */
export function readTwilioCode(code: number | string | null | undefined): Reason {
  const known = meanings[String(code)];
  return {
    code: known ?? "GeneralError",
    message: `Twilio reports ${code ? `error ${code}` : "a failure without a code"}.`,
  };
}

/** What is known once Twilio says this status; undefined while it is on its way. Unknown ones count as such. */
export function readTwilioStatus(status: string): "delivered" | "read" | "failed" | undefined {
  switch (status.toLowerCase()) {
    case "delivered":
    case "received":
      return "delivered";
    case "read":
      return "read";
    case "undelivered":
    case "failed":
    case "canceled":
      return "failed";
    default:
      return undefined;
  }
}

/** A status callback's form; other fields are passed over. */
export const twilioStatus = z.looseObject({
  MessageSid: z.string().min(1).max(64),
  MessageStatus: z.string().min(1),
  ErrorCode: z.string().optional(),
});

/** An incoming SMS's form. `OptOutType` is there where Twilio's own opt-out handling has answered already. */
export const twilioInbound = z.looseObject({
  MessageSid: z.string().min(1).max(64),
  From: z.string().min(1).max(64),
  To: z.string().default(""),
  Body: z.string().default(""),
  OptOutType: z.enum(["STOP", "START", "HELP"]).optional().catch(undefined),
});
export type TwilioInbound = z.infer<typeof twilioInbound>;
