import { z } from "zod";
import { message } from "./message";

/** The message as JSON Schema (draft 2020-12), as published in `config/schema/message.json`. */
export function messageJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(message, { io: "input" }),
    title: "Message",
    description: "What a webhook body of Genesys Cloud Open Messaging means, as adapters receive it.",
  };
}
