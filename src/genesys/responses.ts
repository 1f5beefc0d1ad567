/** Canned responses: the texts and WhatsApp templates that an organisation keeps in Genesys Cloud. */
import { z } from "zod";
import type { GenesysAnswer } from "./answer";
import type { GenesysClient } from "./client";

/** `Response`, as far as a pre-flight reads it; the other fields are kept. */
export const cannedResponse = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  /** Goes up with every change. */
  version: z.number().optional(),
  /** `MessagingTemplate`, `CampaignSmsTemplate`, …; absent on a plain text. */
  responseType: z.string().optional(),
  texts: z
    .array(
      z.looseObject({
        /** With `{{name}}` marks. */
        content: z.string(),
        contentType: z.string().optional(),
        type: z.string().optional(),
      }),
    )
    .default([]),
  /** The marks in `texts`; one without a default needs a value in every send. */
  substitutions: z
    .array(z.looseObject({ id: z.string(), description: z.string().optional(), defaultValue: z.string().optional() }))
    .default([]),
  messagingTemplate: z
    .looseObject({
      whatsApp: z
        .looseObject({
          name: z.string(),
          namespace: z.string().optional(),
          language: z.string(),
          /** The vendor's word on the template's approval; its values are not documented. */
          templateStatus: z.string().optional(),
          statusInfo: z.looseObject({ code: z.string().optional(), message: z.string().optional() }).optional(),
          integrationId: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});
export type CannedResponse = z.infer<typeof cannedResponse>;

/**
 * Reads a canned response, one request of the priority of look-ups; `refused` with `not.found` when there is none.
 * @see https://developer.genesys.cloud/devapps/api-explorer (Response Management)
 */
export function createResponses({ ask }: Pick<GenesysClient, "ask">) {
  function readResponse(responseId: string): Promise<GenesysAnswer<CannedResponse>> {
    return ask({
      operation: "responses.read",
      priority: "lookup",
      send: ({ responses }) => responses.getResponsemanagementResponse(responseId),
      answer: cannedResponse,
    });
  }

  return { readResponse };
}
export type Responses = ReturnType<typeof createResponses>;
