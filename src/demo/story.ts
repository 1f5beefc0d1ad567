/** What the demo plays, and what is to come of it. */
import type { Utterance } from "../simulator";
import type { Reach } from "./chat";

/** Somebody at the other end. `id` is what Genesys Cloud and the chat know them by. */
export interface Customer {
  name: string;
  id: string;
  idType: "Email" | "Phone" | "Opaque";
  reach: Reach;
}

/** What is to become of a message: its fate, and the receipt that Genesys Cloud has of it, `none` if it gets none. */
export interface Expected {
  fate: string;
  receipt: string;
}

export type Step =
  /** Somebody in Genesys Cloud says something. `answerLost`: the bridge's answer gets lost, so Genesys Cloud repeats it. */
  | { type: "say"; to: Customer; by: "agent" | "bot"; what: Utterance; answerLost?: true; expected: Expected }
  /** The customer writes something; `report` is what is to become of Genesys Cloud's own receipt for it. */
  | { type: "answer"; from: Customer; text: string; expected: Expected; report: Expected }
  /** Somebody else calls the webhook. */
  | { type: "forge"; to: Customer; text: string; expectedStatus: number };

export interface Scene {
  title: string;
  steps: readonly Step[];
}

export interface Story {
  scenes: readonly Scene[];
  /** Title of what happens when everything is said. */
  ending: string;
  /** All the mails there are to be, in any order. */
  mails: readonly { to: string; subject: string }[];
}

/** No secret at all: it is printed, and protects nothing but the demo. */
export const webhookSecret = "demo-secret-for-practice-only";

const ada: Customer = { name: "Ada", id: "ada", idType: "Opaque", reach: "online" };
const ben: Customer = { name: "Ben", id: "ben@customer.example", idType: "Email", reach: "offline" };
const cleo: Customer = { name: "Cleo", id: "cleo", idType: "Opaque", reach: "silent" };
const dan: Customer = { name: "Dan", id: "dan@customer.example", idType: "Email", reach: "optedOut" };

export const customers: readonly Customer[] = [ada, ben, cleo, dan];

const delivered: Expected = { fate: "delivered", receipt: "Delivered" };
const noted: Expected = { fate: "noted", receipt: "none" };

export const story: Story = {
  scenes: [
    {
      title: "Ada is online. Every kind of message reaches her, and her answer reaches Genesys Cloud.",
      steps: [
        { type: "say", to: ada, by: "agent", what: { kind: "typing" }, expected: noted },
        {
          type: "say",
          to: ada,
          by: "agent",
          what: { kind: "text", text: "Good morning, Ada." },
          expected: delivered,
        },
        {
          type: "say",
          to: ada,
          by: "agent",
          what: {
            kind: "media",
            text: "The way to pier 3.",
            attachment: { mediaType: "Image", url: "https://harborline.example/pier-3.png", mime: "image/png" },
          },
          expected: delivered,
        },
        {
          type: "say",
          to: ada,
          by: "bot",
          what: {
            kind: "template",
            id: "cannedresponse@6c91c131-3c40-5c8a-9194-8bf097512ad4",
            text: "Boarding begins at 18:10.",
            language: "en_GB",
            parameters: { firstName: "Ada", boarding: "18:10" },
          },
          expected: delivered,
        },
        {
          type: "say",
          to: ada,
          by: "bot",
          what: {
            kind: "quickReplies",
            text: "Do you bring a bicycle?",
            replies: [
              { text: "Yes", payload: "bicycle" },
              { text: "No", payload: "none" },
            ],
          },
          expected: delivered,
        },
        {
          type: "answer",
          from: ada,
          text: "Yes, a red one.",
          expected: { fate: "delivered", receipt: "none" },
          report: noted,
        },
      ],
    },
    {
      title: "Cleo's phone takes a message and never says that she saw it.",
      steps: [
        {
          type: "say",
          to: cleo,
          by: "agent",
          what: { kind: "text", text: "Your key is at the desk." },
          expected: { fate: "notified", receipt: "none" },
        },
      ],
    },
    {
      title: "Ben is offline. Genesys Cloud is told why at once; he will get one e-mail for both.",
      steps: [
        {
          type: "say",
          to: ben,
          by: "agent",
          what: { kind: "text", text: "Ben, your ticket is ready." },
          expected: { fate: "notified", receipt: "Failed InvalidDestination" },
        },
        {
          type: "say",
          to: ben,
          by: "agent",
          what: { kind: "text", text: "Please show it at pier 3." },
          expected: { fate: "notified", receipt: "Failed InvalidDestination" },
        },
      ],
    },
    {
      title: "Dan wants no messages. Nobody writes him an e-mail instead.",
      steps: [
        {
          type: "say",
          to: dan,
          by: "bot",
          what: { kind: "text", text: "Dan, how was your crossing?" },
          expected: { fate: "failed", receipt: "Failed RecipientOptedOut" },
        },
      ],
    },
    {
      title: "The bridge's answer gets lost, so Genesys Cloud sends the same again: Ada sees it once.",
      steps: [
        {
          type: "say",
          to: ada,
          by: "agent",
          answerLost: true,
          what: { kind: "text", text: "Have a pleasant crossing." },
          expected: delivered,
        },
      ],
    },
    {
      title: "Somebody else calls the webhook, without the secret.",
      steps: [{ type: "forge", to: ada, text: "Pay 400 euros at harborline.invalid", expectedStatus: 401 }],
    },
  ],
  ending: "Nobody has confirmed Cleo's message, and Ben is still away: now the e-mails go out.",
  mails: [
    { to: "ben@customer.example", subject: "You have 2 new messages from Harborline" },
    { to: "cleo@customer.example", subject: "You have a new message from Harborline" },
  ],
};
