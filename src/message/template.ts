import { readAttachment } from "./attachment";
import type { Template } from "./message";
import { readId, readList, readObject, readObjects, readString, readText, type Wire } from "./wire";

type Parameters = NonNullable<NonNullable<Template["body"]>["parameters"]>;

/**
 * Reads a notification template in all its shapes (SDK `ConversationContentNotificationTemplate`): header, body and
 * footer as objects or as plain text, or flat, with `text` and `parameters` of its own. `id` is `namespace@name`.
 */
export function readTemplate(wire: Wire): Template {
  const template: Template = {};
  const id = readId(wire.id) ?? readName(wire);
  if (id !== undefined) template.id = id;
  const language = readString(wire.language);
  if (language !== undefined) template.language = language;

  const header = readSection(wire.header);
  if (header) template.header = header;
  const body = readSection(wire.body) ?? readSection({ text: wire.text, parameters: wire.parameters });
  if (body) {
    template.body = {};
    if (body.text !== undefined) template.body.text = body.text;
    if (body.parameters) template.body.parameters = body.parameters;
  }
  const footer = readText(wire.footer);
  if (footer !== undefined) template.footer = { text: footer };

  const buttons = readObjects(wire.buttons);
  if (buttons.length > 0) template.buttons = buttons;
  return template;
}

/** Whether it names or says anything at all. */
export function isNamedOrShown(template: Template): boolean {
  const { id, header, body, footer, buttons } = template;
  return (id ?? header ?? body ?? footer ?? buttons) !== undefined;
}

function readName(wire: Wire): string | undefined {
  const name = readString(wire.name);
  const namespace = readString(wire.namespace);
  return name !== undefined && namespace !== undefined ? `${namespace}@${name}` : name;
}

function readSection(value: unknown): NonNullable<Template["header"]> | undefined {
  const wire = readObject(value);
  const section: NonNullable<Template["header"]> = {};
  const text = readText(wire ? wire.text : value);
  if (text !== undefined) section.text = text;
  if (wire) {
    const type = readString(wire.type);
    if (type !== undefined) section.type = type;
    const media = readObject(wire.media);
    if (media) section.media = readAttachment(media);
    const parameters = readParameters(wire.parameters);
    if (parameters.length > 0) section.parameters = parameters;
  }
  return text !== undefined || section.media || section.parameters ? section : undefined;
}

/** A list of `{ name?, text }`, of plain values, or a map from names to values. */
function readParameters(value: unknown): Parameters {
  const map = readObject(value);
  if (map && map.text === undefined) return Object.entries(map).map(([name, text]) => readParameter({ name, text }));
  return readList(value).map((item) => readParameter(readObject(item) ?? { text: item }));
}

function readParameter(wire: Wire): Parameters[number] {
  if (isParameter(wire)) return wire;
  const { name: wireName, text: wireText, ...parameter } = wire;
  const name = readId(wireName);
  const text = readText(wireText);
  return { ...parameter, ...(name === undefined ? {} : { name }), ...(text === undefined ? {} : { text }) };
}

function isParameter(wire: Wire): wire is Parameters[number] {
  const { name, text } = wire;
  return (name === undefined || typeof name === "string") && (text === undefined || typeof text === "string");
}
