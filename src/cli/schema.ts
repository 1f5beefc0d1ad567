import { Command } from "commander";
import { z } from "zod";
import { describeSettings } from "../config";
import { StartError } from "../errors";
import { adapterBodies, adapterFailure } from "../message/adapter";
import { acceptance, deliveryBody, refusal } from "../message/delivery-body";
import { messageJsonSchema } from "../message/schema";
import { captureLine } from "../replay/capture-file";
import { type CommandContext, printJson } from "./output";

interface Published {
  about: string;
  write(): object;
}

const draft = (schema: z.ZodType, title: string) => ({ ...z.toJSONSchema(schema, { io: "input" }), title });

/** Every JSON Schema that is published, by its name: the file `config/schema/NAME.json`. */
export const schemas: Readonly<Record<string, Published>> = {
  message: { about: "what a webhook body means, as adapters receive it", write: messageJsonSchema },
  settings: { about: "the settings file", write: describeSettings },
  capture: { about: "one line of a capture file", write: () => draft(captureLine, "Capture") },
  delivery: { about: "what an adapter is posted", write: () => draft(deliveryBody, "Delivery") },
  acceptance: { about: "an adapter's 2xx answer", write: () => draft(acceptance, "Acceptance") },
  refusal: { about: "an adapter's 4xx answer that ends a delivery", write: () => draft(refusal, "Refusal") },
  failure: {
    about: "what an adapter is posted of a message it brought in that failed",
    write: () => draft(adapterFailure, "Failure"),
  },
  receipts: { about: "POST /channels/{channel}/receipts", write: () => draft(adapterBodies.receipts, "Receipt") },
  messages: {
    about: "POST /channels/{channel}/messages",
    write: () => draft(adapterBodies.messages, "Inbound message"),
  },
  responses: { about: "POST /channels/{channel}/responses", write: () => draft(adapterBodies.responses, "Response") },
  events: { about: "POST /channels/{channel}/events", write: () => draft(adapterBodies.events, "Inbound event") },
};

export function schemaCommand({ output }: CommandContext): Command {
  const list = Object.entries(schemas).map(([name, { about }]) => `  ${name.padEnd(12)}${about}`);
  return new Command("schema")
    .description("Print a JSON Schema (draft 2020-12); config/schema has them as files.")
    .argument("<name>", `one of ${Object.keys(schemas).join(", ")}`)
    .option("--json", "a schema is JSON with or without this")
    .addHelpText("after", `\nNames:\n${list.join("\n")}\n\nExample:\n  omb schema message > message.schema.json\n`)
    .action((name: string) => {
      const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
      if (schema === undefined)
        throw new StartError(`there is no schema ${name}: one of ${Object.keys(schemas).join(", ")}`);
      printJson(output, schema.write());
    });
}
