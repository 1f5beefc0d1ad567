import * as fc from "fast-check";
import type { Accepts } from "../../src/message/accepts";
import { acceptsMedia } from "../../src/message/media";
import { degrade, type Part, writePart } from "../../src/message/degrade";
import { listUnshown } from "../../src/message/elements";
import { deliverableKinds, type Message, message as messageSchema } from "../../src/message/message";
import { normalize } from "../../src/message/normalize";
import { bodies } from "./bodies";
import { capture, fixtures } from "./fixtures";

const textOnly: Accepts = { kinds: ["text"] };
const everything: Accepts = { kinds: ["text", "media", "template", "structured", "typing"] };
const chat: Accepts = {
  kinds: ["text", "media", "typing"],
  textLength: 4096,
  captionLength: 60,
  mediaTypes: ["image/*", "application/pdf"],
  mediaBytes: 1_000_000,
  oneByOne: true,
  buttons: 3,
  buttonTextLength: 20,
  linkButtons: true,
};

function fixture(name: string): Message {
  const found = fixtures.find((one) => one.name === `${name}.json`);
  if (!found) throw new Error(`no fixture ${name}`);
  return normalize(found.body, capture);
}
const structured = (content: unknown, more: Record<string, unknown> = {}) => {
  const message = normalize({ type: "Structured", content, ...more }, capture);
  if (message.kind !== "structured") throw new Error(`became ${message.kind}`);
  return message;
};
const attachment = (fields: Record<string, unknown>) => ({ contentType: "Attachment", attachment: fields });
const textsOf = (parts: Part[]) =>
  parts.flatMap((part) => ("text" in part && part.text !== undefined ? [part.text] : []));

describe("degrade", () => {
  test.each([
    ["outbound/structured-quick-replies", "What is this about?\n1. A booking\n2. A delay\n3. Something else"],
    ["outbound/structured-quick-reply-v2", "Which cabin class?\n1. Seat\n2. Two-berth"],
    ["outbound/structured-text-content", "Terms apply.\n• Accept"],
    [
      "outbound/structured-card",
      "Cabin upgrade\nA two-berth outside cabin is free on your crossing.\nhttps://www.harborline.example/img/cabin.jpg\n• Take it\nSee photos: https://www.harborline.example/cabins/outside\nOpen: https://www.harborline.example/cabins",
    ],
    [
      "outbound/structured-carousel",
      "Morning crossing\n07:40, arrives 10:15\nhttps://www.harborline.example/img/am.jpg\n• Choose morning\n\nNoon crossing\n12:05, arrives 14:40\n• Choose noon\n\nNight crossing\n22:30, arrives 05:10\nhttps://www.harborline.example/video/night.mp4\n• Choose night\nCabins: https://www.harborline.example/cabins",
    ],
    [
      "outbound/structured-date-picker",
      "Pick a call-back time\nTimes are in your own zone\nhttps://www.harborline.example/img/phone.png\n1. 2026-09-15 09:00 UTC, 15 min\n2. 2026-09-15 14:30 UTC, 30 min",
    ],
    [
      "outbound/structured-list-picker",
      "Choose your meal\nTap to open\nHot food\n1. Fish soup (With bread)\n2. Bean stew",
    ],
    ["outbound/structured-form", "Tell us about the crossing\nYour seat\nPage 1 of 1\nSeat number"],
    [
      "outbound/structured-interactive-application",
      "Choose a seat\nSeat map: https://apps.harborline.example/seatmap?b=20418",
    ],
    ["outbound/structured-payment-request", "Outside cabin: 42.50 GBP\nTotal: 42.50 GBP"],
    ["outbound/structured-location", "Berth 4\nQuay Road 12, Port Amber\nhttps://maps.harborline.example/berth4"],
    ["outbound/structured-push", "New message\nYou have a new message"],
    ["outbound/structured-reactions", "Like ×3, Wow"],
    ["outbound/structured-story", "https://cdn.harborline.example/story/91"],
    ["outbound/structured-button-response", "A delay"],
    [
      "outbound/structured-notification-template",
      "Delay notice\nHi Ines, crossing HL-20418 now leaves at 18:35.\nReply STOP to opt out\n• Rebook me\nDetails: https://www.harborline.example/d/20418",
    ],
    [
      "outbound/structured-notification-media-header",
      "Ines, HL-20418\nhttps://www.harborline.example/img/pass-20418.png",
    ],
    ["outbound/attachment-link", "Timetable: https://www.harborline.example/timetable"],
    [
      "outbound/attachment-image-with-text",
      "Here is the map of the berths.\nMap of berths 1 to 6: https://api-downloads.euw2.pure.cloud/api/v2/downloads/dleb1fc6966830c9bc89dd",
    ],
    ["odd/template-flat", "Crossing HL-20418 now leaves at 18:35."],
    ["odd/template-unfilled", "Hi Ines, crossing … leaves at …."],
    ["odd/template-parameters-map", "Hi Ines, see HL-20418."],
    ["odd/template-no-id", "Hello\nHi Ines, how can I help you?\nGoodbye"],
    ["odd/structured-known-beside-unknown", "Cabin upgrade"],
    [
      "odd/structured-rich-link",
      "How to find berth 4\nOpen all day\nhttps://www.harborline.example/img/quay.jpg\nOpen map: https://maps.harborline.example/berth4",
    ],
    ["odd/structured-roadside-assistance", "Help is on its way.\n+447700900321\n55.6761, 12.5683"],
    [
      "odd/attachments-several",
      "Three of them.\nhttps://www.harborline.example/a.png\nb.pdf: https://www.harborline.example/b.pdf\nhttps://www.harborline.example/c",
    ],
  ])("%s is written out where only text is accepted", (name, text) => {
    expect(degrade(fixture(name), textOnly)).toEqual([{ kind: "text", text }]);
  });

  test.each([
    "outbound/message-type-unknown",
    "outbound/text-deleted",
    "odd/structured-unknown-only",
    "odd/template-name-and-namespace",
  ])("%s shows nothing where only text is accepted", (name) => {
    expect(degrade(fixture(name), textOnly)).toEqual([]);
  });

  test.each(fixtures.filter(({ expected }) => deliverableKinds.some((kind) => kind === expected.kind)))(
    "$name stays whole where everything is accepted",
    ({ body }) => {
      const message = normalize(body, capture);
      const [part, ...others] = degrade(message, everything);
      expect(others).toEqual([]);
      expect(part && writePart(message, part)).toEqual(message);
    },
  );

  test("quick replies become buttons under the text", () => {
    expect(degrade(fixture("outbound/structured-quick-replies"), chat)).toEqual([
      {
        kind: "text",
        text: "What is this about?",
        buttons: [
          { type: "reply", text: "A booking", payload: "topic.booking", responseType: "QuickReply" },
          {
            type: "reply",
            text: "A delay",
            payload: "topic.delay",
            responseType: "QuickReply",
            image: "https://www.harborline.example/img/clock.png",
          },
          { type: "reply", text: "Something else", payload: "topic.other", responseType: "QuickReply" },
        ],
      },
    ]);
  });

  test("more buttons than fit, or longer ones, are written out", () => {
    const quickReplies = (texts: string[]) =>
      texts.map((text) => ({ contentType: "QuickReply", quickReply: { text, payload: text } }));
    const many = structured(quickReplies(["A", "B", "C", "D"]), { text: "Which?" });
    expect(degrade(many, chat)).toEqual([{ kind: "text", text: "Which?\n1. A\n2. B\n3. C\n4. D" }]);
    const long = structured(quickReplies(["A", "More than twenty characters"]), { text: "Which?" });
    expect(degrade(long, chat)).toEqual([{ kind: "text", text: "Which?\n1. A\n2. More than twenty characters" }]);
  });

  test("links are written out where buttons only reply", () => {
    const card = {
      title: "Upgrade",
      actions: [
        { type: "Postback", text: "Yes", payload: "y" },
        { type: "Link", text: "Photos", url: "https://x.example/" },
      ],
    };
    expect(degrade(structured([{ contentType: "Card", card }]), { ...chat, linkButtons: false })).toEqual([
      {
        kind: "text",
        text: "Upgrade\nPhotos: https://x.example/",
        buttons: [{ type: "reply", text: "Yes", payload: "y", responseType: "Button" }],
      },
    ]);
  });

  test("buttons without any words get their names as text", () => {
    const parts = degrade(structured([{ contentType: "QuickReply", quickReply: { text: "Yes", payload: "y" } }]), chat);
    expect(parts).toMatchObject([{ kind: "text", text: "Yes", buttons: [{ text: "Yes", payload: "y" }] }]);
  });

  test("the text of quick replies stands after the file, above the buttons", () => {
    const parts = degrade(fixture("outbound/structured-mixed"), chat);
    expect(parts).toMatchObject([
      { kind: "media", attachments: [{ filename: "prices.pdf" }] },
      { kind: "text", text: "Pick one, or read the sheet.", buttons: [{ text: "Cheap" }, { text: "Fast" }] },
    ]);
  });

  test("each card of a carousel keeps its picture, words and buttons together", () => {
    const parts = degrade(fixture("outbound/structured-carousel"), chat);
    expect(parts).toMatchObject([
      { kind: "media", text: "Morning crossing\n07:40, arrives 10:15", buttons: [{ text: "Choose morning" }] },
      { kind: "text", text: "Noon crossing\n12:05, arrives 14:40", buttons: [{ text: "Choose noon" }] },
      {
        kind: "text",
        text: "Night crossing\n22:30, arrives 05:10\nhttps://www.harborline.example/video/night.mp4",
        buttons: [{ text: "Choose night" }, { text: "Cabins" }],
      },
    ]);
  });

  test("several attachments go out one by one, the refused ones as lines", () => {
    const parts = degrade(fixture("odd/attachments-several"), chat);
    expect(parts).toMatchObject([
      { kind: "text", text: "Three of them." },
      { kind: "media", attachments: [{ url: "https://www.harborline.example/a.png" }] },
      { kind: "media", attachments: [{ url: "https://www.harborline.example/b.pdf" }] },
      { kind: "text", text: "https://www.harborline.example/c" },
    ]);
  });

  test("a picture too large for the channel becomes a line with its link", () => {
    const content = [
      attachment({
        mediaType: "Image",
        mime: "image/png",
        url: "https://x.example/big.png",
        filename: "big.png",
        contentSizeBytes: 1_000_001,
      }),
    ];
    expect(degrade(normalize({ type: "Text", text: "Look.", content }, capture), chat)).toEqual([
      { kind: "text", text: "Look.\nbig.png: https://x.example/big.png" },
    ]);
  });

  test("a text too long for a caption follows the picture", () => {
    const text = "These words are one more than the sixty that fit in here, yes.";
    const content = [attachment({ mediaType: "Image", url: "https://x.example/a.png" })];
    expect(degrade(normalize({ type: "Text", text, content }, capture), chat)).toMatchObject([
      { kind: "media", attachments: [{ url: "https://x.example/a.png" }] },
      { kind: "text", text },
    ]);
  });

  test("a long text is split and its buttons stand under the last piece", () => {
    const message = structured([{ contentType: "QuickReply", quickReply: { text: "Yes", payload: "y" } }], {
      text: "word ".repeat(20),
    });
    const parts = degrade(message, { ...chat, textLength: 60 });
    expect(textsOf(parts)).toEqual([`(1/2)${" word".repeat(11)}`, `(2/2)${" word".repeat(9)}`]);
    expect(parts.map((part) => "buttons" in part)).toEqual([false, true]);
  });

  test("a structured message stays what it is, its long text and refused files told before it", () => {
    const message = fixture("outbound/structured-mixed");
    const parts = degrade(message, { ...everything, mediaTypes: ["image/*"] });
    expect(parts).toMatchObject([
      {
        kind: "text",
        text: "Pick one, or read the sheet.\nprices.pdf: https://api-downloads.euw2.pure.cloud/api/v2/downloads/dlda386e629171b833abc1",
      },
      { kind: "structured", elements: [{ contentType: "QuickReply" }, { contentType: "QuickReply" }] },
    ]);
    expect(parts[1]).not.toHaveProperty("attachments");
  });

  test("typing is shown where the channel can", () => {
    const typing = fixture("outbound/event-typing");
    expect(degrade(typing, chat)).toEqual([{ kind: "typing", typing: { type: "On", durationMs: 5000 } }]);
    expect(degrade(typing, { ...chat, typing: false })).toEqual([]);
    expect(degrade(typing, textOnly)).toEqual([]);
    expect(degrade(typing, { ...textOnly, typing: true })).toHaveLength(1);
  });

  test("words that a channel without text cannot carry are not lost in silence", () => {
    expect(degrade(fixture("odd/attachments-several"), { kinds: ["media"], oneByOne: true })).toEqual([]);
    expect(degrade(fixture("outbound/attachment-image"), { kinds: ["media"], oneByOne: true })).toHaveLength(1);
  });

  test("elements that show nothing are named", () => {
    const { elements } = structured([
      { contentType: "HologramV9" },
      { contentType: "Card", card: { title: "Cabin" } },
      { contentType: "Card" },
    ]);
    expect(listUnshown(elements ?? [])).toEqual(["HologramV9", "Card"]);
  });
});

describe("degrade, for any message and any channel", () => {
  const accepts: fc.Arbitrary<Accepts> = fc.record(
    {
      kinds: fc
        .subarray(["text", "media", "template", "structured", "typing"] as const)
        .map((kinds) => ["text" as const, ...kinds]),
      textLength: fc.integer({ min: 40, max: 300 }),
      captionLength: fc.integer({ min: 0, max: 100 }),
      mediaTypes: fc.subarray(["image/*", "application/pdf", "*", "Link"]),
      mediaBytes: fc.integer({ min: 1, max: 1_000_000 }),
      oneByOne: fc.boolean(),
      buttons: fc.integer({ min: 0, max: 5 }),
      buttonTextLength: fc.integer({ min: 5, max: 30 }),
      linkButtons: fc.boolean(),
    },
    { requiredKeys: ["kinds"] },
  );
  const messages = fc
    .tuple(bodies.distorted, fc.option(fc.lorem({ maxCount: 60 }), { nil: undefined }))
    .map(([body, text]) => normalize(text === undefined ? body : { ...body, text }, capture));

  test("parts keep to what the channel accepts", () => {
    fc.assert(
      fc.property(messages, accepts, (message, channel) => {
        for (const part of degrade(message, channel)) {
          expect(channel.kinds).toContain(part.kind);
          const limit = part.kind === "media" ? (channel.captionLength ?? channel.textLength) : channel.textLength;
          expect("text" in part && part.text ? part.text.length : 0).toBeLessThanOrEqual(limit ?? Infinity);
          const buttons = "buttons" in part && part.buttons ? part.buttons : [];
          expect(buttons.length).toBeLessThanOrEqual(channel.buttons ?? 0);
          expect(buttons.filter(({ text }) => text.length > (channel.buttonTextLength ?? Infinity))).toEqual([]);
          const isLimited = channel.mediaTypes !== undefined || channel.mediaBytes !== undefined;
          const media = part.kind === "media" ? part.attachments : [];
          expect(media.filter((one) => isLimited && one.url !== undefined && !acceptsMedia(one, channel))).toEqual([]);
          expect(media.length).toBeLessThanOrEqual(channel.oneByOne ? 1 : Infinity);
          expect(messageSchema.safeParse(writePart(message, part)).error).toBeUndefined();
        }
      }),
      { numRuns: 500 },
    );
  });

  test("every word of the text is shown, in order", () => {
    fc.assert(
      fc.property(messages, accepts, (message, channel) => {
        fc.pre(message.text !== undefined && deliverableKinds.some((kind) => kind === message.kind));
        const shown = textsOf(degrade(message, channel))
          .join(" ")
          .replace(/\(\d+\/\d+\) /g, "")
          .replace(/\s+/g, "");
        expect(shown).toContain(message.text?.replace(/\s+/g, ""));
      }),
      { numRuns: 500 },
    );
  });

  test("a deliverable message shows something as text, unless it is only the name of a template", () => {
    fc.assert(
      fc.property(messages, (message) => {
        const isShown = degrade(message, textOnly).length > 0;
        const mayShowNothing = message.kind === "template";
        expect(isShown || mayShowNothing).toBe(deliverableKinds.some((kind) => kind === message.kind));
      }),
      { numRuns: 500 },
    );
  });
});
