/**
 * What each of Genesys Cloud's content elements shows a customer: the one place that knows them all.
 * Fields: SDK `ConversationMessageContent` and its parts.
 */
import { isShowable, readAttachment } from "./attachment";
import type { Attachment, Element, Template } from "./message";
import { readTemplate } from "./template";
import { fillParameters, writeTemplate } from "./template-text";
import {
  readId,
  readNumber,
  readObject,
  readObjects,
  readString,
  readText,
  readTime,
  readWords,
  type Wire,
} from "./wire";

/** Something to tap. `payload` goes back to Genesys Cloud in a structured response of the named `responseType`. */
export interface Button {
  type: "reply" | "link" | "call";
  text: string;
  payload?: string;
  url?: string;
  phoneNumber?: string;
  image?: string;
  description?: string;
  responseType?: "Button" | "QuickReply" | "DatePicker" | "ListPicker";
}

/** What belongs together on a screen: a picture or file, words, and buttons below them. */
export interface Block {
  media?: Attachment;
  text?: string;
  buttons?: Button[];
}

interface ElementKind {
  /** Which property of the element holds its data. */
  property: string;
  /** How to show what the property holds. No block: nothing to show. */
  show: (value: unknown) => Block[];
  /** Words at this path mean, without any further look, that there is something to show. */
  usually: readonly string[];
}

const byContentType: Record<string, ElementKind> = {
  Attachment: { property: "attachment", show: each(showAttachment), usually: [] },
  Notification: {
    property: "template",
    show: each((value) => showTemplate(readTemplate(value))),
    usually: [],
  },
  QuickReply: { property: "quickReply", show: each(showQuickReply), usually: ["text"] },
  QuickReplyV2: { property: "quickReplyV2", show: each(showQuickReplies), usually: ["title"] },
  Card: { property: "card", show: each(showCard), usually: ["title"] },
  Carousel: {
    property: "carousel",
    show: each(({ cards }) => readObjects(cards).flatMap(showCard)),
    usually: ["cards", "title"],
  },
  DatePicker: { property: "datePicker", show: each(showDatePicker), usually: ["title"] },
  ListPicker: { property: "listPicker", show: each(showListPicker), usually: ["sections", "items", "title"] },
  Form: { property: "form", show: each(showForm), usually: ["introduction", "title"] },
  InteractiveApplication: { property: "interactiveApplication", show: each(showApplication), usually: ["name"] },
  PaymentRequest: { property: "paymentRequest", show: each(showPaymentRequest), usually: ["lineItems", "name"] },
  PaymentResponse: { property: "paymentResponse", show: each(showPaymentResponse), usually: ["paymentStatus"] },
  Push: { property: "push", show: each(showPush), usually: ["notificationMessage", "body"] },
  ButtonResponse: { property: "buttonResponse", show: each(({ text }) => showLines(text)), usually: ["text"] },
  Location: {
    property: "location",
    show: each((location) => showLines(...writeLocation(location))),
    usually: ["text"],
  },
  Text: { property: "text", show: (value) => showLines(value), usually: [] },
  Story: { property: "story", show: each(({ url }) => showLines(url)), usually: ["url"] },
  Reactions: { property: "reactions", show: showReactions, usually: [] },
  NotificationResponse: {
    property: "notificationResponse",
    show: each(showNotificationResponse),
    usually: ["notificationText"],
  },
  RichLink: { property: "richLink", show: each(showRichLink), usually: ["text"] },
  RoadsideAssistance: { property: "roadsideAssistance", show: each(showRoadsideAssistance), usually: ["text"] },
};
const elementKinds = Object.entries(byContentType).map(([contentType, kind]) => ({ contentType, ...kind }));
const byName = new Map(elementKinds.map((kind) => [kind.contentType, kind]));
const byLowerCaseName = new Map(elementKinds.map((kind) => [kind.contentType.toLowerCase(), kind]));

/** An element whose kind we know, by its name or its property. */
export interface KnownElement {
  kind: ElementKind;
  contentType: string;
  value: unknown;
}

/**
 * The `contentType` of an element in Genesys Cloud's spelling, and what its property holds. An element of a name we do
 * not know, or of none, is known by its property; `undefined` when that is missing too.
 */
export function recognize(element: Wire): KnownElement | undefined {
  const name = element.contentType;
  let kind = typeof name === "string" ? (byName.get(name) ?? byLowerCaseName.get(name.toLowerCase())) : undefined;
  if (!kind || !holdsData(element[kind.property]))
    kind = elementKinds.find(({ property }) => holdsData(element[property]));
  return kind && { kind, contentType: kind.contentType, value: element[kind.property] };
}

/** Whether {@link showElement} would show anything; quick for elements as they usually are. */
export function showsAnything({ kind, value }: KnownElement): boolean {
  return hasWordsAt(value, kind.usually, 0) || kind.show(value).length > 0;
}

/** What an element shows; nothing for one that is unknown or empty. */
export function showElement(element: Element): Block[] {
  const known = recognize(element);
  return known ? known.kind.show(known.value) : [];
}

/** The content types among the elements that show nothing: what a ledger line should name. */
export function listUnshown(elements: readonly Element[]): string[] {
  return elements.filter((element) => showElement(element).length === 0).map(({ contentType }) => contentType);
}

/** A template in words, its picture and its buttons; `words` is the text that came beside it. */
export function showTemplate(template: Template, words?: string): Block[] {
  const media = template.header?.media;
  const buttons = readObjects(template.buttons).flatMap(readTemplateButton);
  const lines = writeTemplate(template, words);
  return showBlock({
    ...(media && isShowable(media) ? { media } : {}),
    ...(lines.length > 0 ? { text: lines.join("\n") } : {}),
    ...(buttons.length > 0 ? { buttons } : {}),
  });
}

function holdsData(value: unknown): boolean {
  return (typeof value === "object" && value !== null) || (typeof value === "string" && value !== "");
}

function hasWordsAt(value: unknown, path: readonly string[], depth: number): boolean {
  const name = path[depth];
  if (name === undefined) return depth > 0 && readWords(value) !== undefined;
  const object = Array.isArray(value) ? readObject(value[0]) : readObject(value);
  return object !== undefined && hasWordsAt(object[name], path, depth + 1);
}

function each(show: (value: Wire) => Block[]): ElementKind["show"] {
  return (value) => readObjects(value).flatMap(show);
}

function showBlock(block: Block): Block[] {
  return block.media || block.text !== undefined || block.buttons ? [block] : [];
}

function showLines(...values: unknown[]): Block[] {
  const text = joinLines(values);
  return text === undefined ? [] : [{ text }];
}

function joinLines(values: readonly unknown[]): string | undefined {
  const lines = values.map(readWords).filter((line) => line !== undefined);
  return lines.length > 0 ? lines.join("\n") : undefined;
}

/** A block of words under a picture, with buttons; whichever of them there are. */
function showCompound(lines: readonly unknown[], imageUrl?: unknown, buttons: Button[] = []): Block[] {
  const text = joinLines(lines);
  const image = readString(imageUrl);
  return showBlock({
    ...(image === undefined ? {} : { media: { mediaType: "Image", url: image } }),
    ...(text === undefined ? {} : { text }),
    ...(buttons.length > 0 ? { buttons } : {}),
  });
}

function showAttachment(value: Wire): Block[] {
  const media = readAttachment(value);
  return isShowable(media) ? [{ media }] : [];
}

function showQuickReply(value: Wire): Block[] {
  const buttons = readReply(value, "QuickReply");
  return buttons.length > 0 ? [{ buttons }] : [];
}

function showQuickReplies(value: Wire): Block[] {
  const buttons = readObjects(value.actions).flatMap((action) => readReply(action, "QuickReply"));
  return showCompound([value.title], undefined, buttons);
}

function readReply(value: Wire, responseType: NonNullable<Button["responseType"]>): Button[] {
  const payload = readId(value.payload);
  const text = readWords(value.text) ?? payload;
  if (text === undefined) return [];
  const button: Button = { type: "reply", text, payload: payload ?? text, responseType };
  const image = readString(value.image);
  if (image !== undefined) button.image = image;
  return [button];
}

function showCard(card: Wire): Block[] {
  const buttons = readObjects(card.actions).flatMap(readAction);
  const byDefault = readAction(readObject(card.defaultAction) ?? {});
  const added = byDefault.filter(
    ({ url, text }) => !buttons.some((button) => button.url === url && button.text === text),
  );
  const shown = showCompound([card.title, card.description], card.image, [...buttons, ...added]);
  const video = readString(card.video);
  if (video === undefined) return shown;
  const media = { mediaType: "Video", url: video };
  return shown[0] && !shown[0].media ? [{ media, ...shown[0] }] : [...shown, { media }];
}

/** A card's action: a link when it has somewhere to go, else a reply. */
function readAction(action: Wire): Button[] {
  const url = readString(action.url);
  if (url !== undefined) return [{ type: "link", text: readWords(action.text) ?? url, url }];
  return readReply(action, "Button");
}

function readTemplateButton(wire: Wire): Button[] {
  const url = fillParameters(readString(wire.url), readTemplate(wire).body?.parameters);
  if (url !== undefined) return [{ type: "link", text: readWords(wire.text) ?? url, url }];
  const phoneNumber = readId(wire.phoneNumber);
  if (phoneNumber !== undefined) return [{ type: "call", text: readWords(wire.text) ?? phoneNumber, phoneNumber }];
  return readReply(wire, "QuickReply");
}

function showDatePicker(picker: Wire): Block[] {
  const buttons = readObjects(picker.availableTimes).flatMap(readTimeSlot);
  const range = [picker.dateMinimum, picker.dateMaximum].map(writeDay).filter((day) => day !== undefined);
  return showCompound(
    [
      picker.title,
      picker.subtitle,
      ...readObjects(picker.location).flatMap(writeLocation),
      buttons.length === 0 && range.length > 0 ? range.join(" – ") : undefined,
    ],
    picker.imageUrl,
    buttons,
  );
}

/** `duration` is in seconds. */
function readTimeSlot(slot: Wire): Button[] {
  const payload = readString(slot.dateTime);
  if (payload === undefined) return [];
  const time = readTime(payload);
  const start = time === null ? payload : `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
  const seconds = readNumber(slot.duration);
  const text = seconds !== undefined && seconds > 0 ? `${start}, ${Math.round(seconds / 60)} min` : start;
  return [{ type: "reply", text, payload, responseType: "DatePicker" }];
}

function writeDay(value: unknown): string | undefined {
  return readTime(value)?.slice(0, 10) ?? readString(value);
}

function showListPicker(picker: Wire): Block[] {
  return [...showReceived(picker), ...readObjects(picker.sections).flatMap(showSection)];
}

function showSection(section: Wire): Block[] {
  const buttons = readObjects(section.items).flatMap((item) => {
    const text = readWords(item.title) ?? readWords(item.subtitle);
    if (text === undefined) return [];
    const button: Button = { type: "reply", text, payload: readId(item.id) ?? text, responseType: "ListPicker" };
    const description = readWords(item.subtitle);
    if (description !== undefined && description !== text) button.description = description;
    const image = readString(item.imageUrl);
    if (image !== undefined) button.image = image;
    return [button];
  });
  return showCompound([section.title], undefined, buttons);
}

/** What Apple shows of a picker, form or application before it is opened. */
function showReceived(value: Wire): Block[] {
  return readObjects(value.receivedMessage).flatMap((received) =>
    showCompound([received.header, received.title, received.subtitle], received.imageUrl),
  );
}

function showForm(form: Wire): Block[] {
  const introduction = readObject(form.introduction) ?? {};
  return [
    ...showReceived(form),
    ...showCompound([introduction.title, introduction.subtitle], introduction.imageUrl),
    ...readObjects(form.formPages).flatMap((page) => [
      ...showLines(page.title, page.subtitle),
      ...readObjects(page.pageComponents).flatMap(showFormComponent),
    ]),
  ];
}

function showFormComponent(component: Wire): Block[] {
  return [
    ...readObjects(component.input).flatMap((input) => showLines(input.title, input.subtitle, input.placeholderText)),
    ...readObjects(component.datePicker).flatMap(showDatePicker),
    ...readObjects(component.listPicker).flatMap(showListPicker),
    ...readObjects(component.wheelPicker).flatMap(showSection),
  ];
}

function showApplication(application: Wire): Block[] {
  const url = readString(application.url);
  const name = readWords(application.name);
  const shown = showReceived(application);
  if (url === undefined) return [...shown, ...showLines(name)];
  const link: Button = { type: "link", text: name ?? url, url };
  const last = shown.pop() ?? (name === undefined ? {} : { text: name });
  return [...shown, { ...last, buttons: [link] }];
}

function showPaymentRequest(request: Wire): Block[] {
  const currency = readString(request.currencyCode) ?? "";
  const lines = [...readObjects(request.lineItems), ...readObjects(request.shippingOptions)].flatMap((item) => [
    joinPrice(item.name, item.price, currency),
    item.description,
  ]);
  const total = joinPrice("Total", request.orderTotal, currency);
  const isPriced = readNumber(request.orderTotal) !== undefined;
  return [...showReceived(request), ...showLines(...lines, isPriced ? total : undefined)];
}

function joinPrice(name: unknown, price: unknown, currency: string): string | undefined {
  const number = readNumber(price);
  if (number === undefined) return readWords(name);
  const amount = `${Number.isInteger(number) ? number : number.toFixed(2)} ${currency}`.trimEnd();
  const label = readWords(name);
  return label === undefined ? amount : `${label}: ${amount}`;
}

function showPaymentResponse(response: Wire): Block[] {
  return showLines(response.paymentStatus, response.failureReason);
}

function showPush(push: Wire): Block[] {
  return readObjects(push.notificationMessage).flatMap(({ title, body }) => showLines(title, body));
}

function writeLocation(location: Wire): unknown[] {
  const latitude = readNumber(location.latitude);
  const longitude = readNumber(location.longitude);
  const hasPoint = latitude !== undefined && longitude !== undefined;
  const url = readString(location.url);
  return [location.text, location.address, url ?? (hasPoint ? `${latitude}, ${longitude}` : undefined)];
}

function showReactions(value: unknown): Block[] {
  const reactions = readObjects(value).flatMap((reaction) => {
    const type = readString(reaction.reactionType);
    if (type === undefined || type === "None") return [];
    const count = readNumber(reaction.count) ?? 1;
    return [count === 1 ? type : `${type} ×${count}`];
  });
  return reactions.length > 0 ? [{ text: reactions.join(", ") }] : [];
}

function showNotificationResponse(response: Wire): Block[] {
  return showLines(readWords(response.notificationText) ?? response.notificationStatus);
}

/** The header of a rich link is words, or the address of a picture, film or file. */
function showRichLink(link: Wire): Block[] {
  const header = readObject(link.header);
  const type = readString(header?.type)?.toLowerCase();
  const value = readString(header?.value);
  const media = value !== undefined && type !== undefined && type !== "text";
  const url = readString(link.url);
  const text = joinLines([media ? undefined : value, link.text, link.footer]);
  const block: Block = {};
  if (media) block.media = readAttachment({ mediaType: type, url: value });
  if (text !== undefined) block.text = text;
  if (url !== undefined) block.buttons = [{ type: "link", text: readText(link.urlLabel) ?? url, url }];
  return showBlock(block);
}

function showRoadsideAssistance(request: Wire): Block[] {
  const location = readObjects(request.location).flatMap(writeLocation);
  return showLines(request.text, readId(request.phoneNumber), ...location);
}
