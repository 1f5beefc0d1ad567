/** What an update of the Bot API means (https://core.telegram.org/bots/api#update). Pure. */
import { z } from "zod";
import type { AdapterMessage } from "../message/adapter";
import type { AdapterCall } from "../message/inbound";

/** What is asked of Telegram; it sends no other kinds. */
export const updateKinds = ["message", "edited_message", "callback_query", "my_chat_member"] as const;

type Call<Route> = Extract<AdapterCall, { route: Route }>;

/** A tapped button: what it stands for is known from the delivery that its data names. */
export interface Tap {
  queryId: string;
  data: string;
  from: AdapterMessage["from"];
  /** The words on the button, where Telegram still has the message. */
  text: string | undefined;
  /** What to store when nobody knows the button any more: its words, as if the customer had written them. */
  asMessage: Call<"messages"> | undefined;
}

export type Understood =
  | { what: "call"; call: AdapterCall }
  | { what: "tap"; tap: Tap }
  /** Nothing a customer said or did: a service message, a kind nobody asked for. */
  | { what: "nothing" };

export interface UpdateContext {
  integration: string;
  /** A URL under which the file can be fetched for a while; undefined when the bridge has no address outside. */
  linkFile(file: { id: string; name: string }): string | undefined;
}

const name = z.string().optional().catch(undefined);
const chat = z.object({ id: z.int(), title: name, username: name, first_name: name, last_name: name });
const user = z.object({ username: name, first_name: name, last_name: name, language_code: name });
const size = z.number().optional().catch(undefined);
const file = z.object({ file_id: z.string(), file_size: size, file_name: name, mime_type: name, emoji: name });
const anyFile = file.optional().catch(undefined);
const place = z.object({ latitude: z.number(), longitude: z.number() });

const message = z.object({
  message_id: z.int(),
  date: z.int(),
  edit_date: z.int().optional(),
  chat,
  from: user.optional().catch(undefined),
  text: name,
  caption: name,
  photo: z.array(file).optional().catch(undefined),
  animation: anyFile,
  video: anyFile,
  video_note: anyFile,
  audio: anyFile,
  voice: anyFile,
  document: anyFile,
  sticker: anyFile,
  contact: z.object({ phone_number: z.string(), first_name: name, last_name: name }).optional().catch(undefined),
  location: place.optional().catch(undefined),
  venue: z.object({ title: z.string(), address: z.string(), location: place }).optional().catch(undefined),
  dice: z.object({ emoji: z.string(), value: z.int() }).optional().catch(undefined),
});
type TelegramMessage = z.infer<typeof message>;

const button = z.object({ text: z.string(), callback_data: name });
const update = z.object({
  update_id: z.int(),
  message: message.optional().catch(undefined),
  edited_message: message.optional().catch(undefined),
  callback_query: z
    .object({
      id: z.string(),
      data: z.string(),
      from: user,
      message: z.object({
        chat,
        reply_markup: z
          .object({ inline_keyboard: z.array(z.array(button)) })
          .optional()
          .catch(undefined),
      }),
    })
    .optional()
    .catch(undefined),
  my_chat_member: z
    .object({ chat, from: user, date: z.int(), new_chat_member: z.object({ status: z.string() }) })
    .optional()
    .catch(undefined),
});

/** Its number, by which Telegram is told that it is safe; undefined for what is no update. */
export function readUpdateId(raw: unknown): number | undefined {
  return z.object({ update_id: z.int() }).safeParse(raw).data?.update_id;
}

/** Total: whatever comes is understood as far as it goes. */
export function readUpdate(raw: unknown, context: UpdateContext): Understood {
  const { data } = update.safeParse(raw);
  const said = data?.message ?? data?.edited_message;
  if (said) return readMessage(said, context);
  if (data?.callback_query) return { what: "tap", tap: readTap(data.callback_query, context) };
  if (data?.my_chat_member) return readMembership(data.my_chat_member, context);
  return { what: "nothing" };
}

function readMessage(said: TelegramMessage, { integration, linkFile }: UpdateContext): Understood {
  const sent = listFiles(said);
  const links = sent.map((one) => ({ ...one, url: isFetchable(one) ? linkFile(one) : undefined }));
  const attachments = links.flatMap(({ mediaType, id, name: filename, mime, url }) =>
    url === undefined ? [] : [{ mediaType, url, id, filename, ...(mime === undefined ? {} : { mime }) }],
  );
  const unlinked = links.filter(({ url }) => url === undefined).map(({ name: filename }) => `[${filename}]`);
  const text = [said.text ?? said.caption, ...writeRest(said), ...unlinked].filter(Boolean).join("\n");
  if (text === "" && attachments.length === 0) return { what: "nothing" };
  const edit = said.edit_date === undefined ? "" : `:edited:${said.edit_date}`;
  const body = {
    integration,
    messageId: `${said.chat.id}:${said.message_id}${edit}`,
    from: readSender(said.chat, said.from),
    at: writeTime(said.edit_date ?? said.date),
    ...(text === "" ? {} : { text }),
    ...(attachments.length === 0 ? {} : { attachments }),
  };
  return { what: "call", call: { route: "messages", body } };
}

type Query = NonNullable<z.infer<typeof update>["callback_query"]>;

function readTap({ id, data, from: tapper, message: shown }: Query, { integration }: UpdateContext): Tap {
  const from = readSender(shown.chat, tapper);
  const buttons = shown.reply_markup?.inline_keyboard.flat() ?? [];
  const text = buttons.find(({ callback_data }) => callback_data === data)?.text;
  const asMessage: Tap["asMessage"] =
    text === undefined ? undefined : { route: "messages", body: { integration, messageId: `tap:${id}`, from, text } };
  return { queryId: id, data, from, text, asMessage };
}

/** A customer who blocks the bot is gone, one who lets it in again is back. */
function readMembership(
  { chat: own, from, date, new_chat_member: { status } }: NonNullable<z.infer<typeof update>["my_chat_member"]>,
  { integration }: UpdateContext,
): Understood {
  if (status !== "kicked" && status !== "left" && status !== "member") return { what: "nothing" };
  const type = status === "member" ? ("online" as const) : ("offline" as const);
  const body = { integration, from: readSender(own, from), type, at: writeTime(date) };
  return { what: "call", call: { route: "events", body } };
}

/** The chat is who answers go to; what is known of the person comes from the sender. */
function readSender(own: z.infer<typeof chat>, person: z.infer<typeof user> | undefined): AdapterMessage["from"] {
  const firstName = person?.first_name ?? own.first_name;
  const lastName = person?.last_name ?? own.last_name;
  const whole = [firstName, lastName].filter(Boolean).join(" ");
  const nickname = person?.username ?? own.username ?? own.title ?? (whole || undefined);
  const language = person?.language_code;
  const known = Object.entries({ nickname, firstName, lastName, language }).filter(([, value]) => value);
  return { id: String(own.id), idType: "Opaque", ...Object.fromEntries(known) };
}

interface SentFile {
  mediaType: "Image" | "Video" | "Audio" | "File";
  id: string;
  name: string;
  mime: string | undefined;
  bytes: number | undefined;
}

/** A photo comes in several sizes, an animation also as a document. */
function listFiles(said: TelegramMessage): SentFile[] {
  const largest = said.photo?.reduce(
    (a, b) => ((b.file_size ?? 0) >= (a.file_size ?? 0) ? b : a),
    said.photo[0] as never,
  );
  const make = (
    mediaType: SentFile["mediaType"],
    sent: z.infer<typeof file> | undefined,
    usual: { name: string; mime?: string },
  ): SentFile[] => {
    if (sent === undefined) return [];
    const { file_id: id, file_name, mime_type, file_size: bytes } = sent;
    return [{ mediaType, id, name: file_name || usual.name, mime: mime_type ?? usual.mime, bytes }];
  };
  return [
    ...make("Image", largest, { name: "photo.jpg", mime: "image/jpeg" }),
    ...make("Video", said.animation, { name: "animation.mp4", mime: "video/mp4" }),
    ...make("Video", said.video, { name: "video.mp4", mime: "video/mp4" }),
    ...make("Video", said.video_note, { name: "video.mp4", mime: "video/mp4" }),
    ...make("Audio", said.audio, { name: "audio.mp3", mime: "audio/mpeg" }),
    ...make("Audio", said.voice, { name: "voice.ogg", mime: "audio/ogg" }),
    ...(said.animation === undefined ? make("File", said.document, { name: "file" }) : []),
  ];
}

/** Telegram lets bots fetch files of at most 20 MB (getFile). */
function isFetchable({ bytes = 0 }: SentFile): boolean {
  return bytes <= 20_000_000;
}

/** What is no text and no file, in words. */
function writeRest({ sticker, contact, location, venue, dice }: TelegramMessage): (string | undefined)[] {
  const spot = venue?.location ?? location;
  return [
    sticker && (sticker.emoji ?? "[sticker]"),
    contact && [contact.first_name, contact.last_name, contact.phone_number].filter(Boolean).join(" "),
    venue && `${venue.title}, ${venue.address}`,
    spot && `https://www.openstreetmap.org/?mlat=${spot.latitude}&mlon=${spot.longitude}`,
    dice && `${dice.emoji} ${dice.value}`,
  ];
}

function writeTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
