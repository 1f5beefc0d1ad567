/** Tells what happens, one line for each step of a message's way. */
import { styleText } from "node:util";
import type { News } from "./stage";

/** Puts colour into text, where there is somebody to see it. */
export type Paint = (style: "bold" | "dim" | "green" | "red" | "cyan", text: string) => string;

export function createPaint(isColourful: boolean): Paint {
  return (style, text) => (isColourful ? styleText(style, text) : text);
}

export interface NarratorDeps {
  write(text: string): void;
  paint: Paint;
  /** What a customer is called. */
  nameOf(customerId: string): string;
  now: () => number;
}

/** What each line says: who speaks to whom, what, and what came of it. */
type Line = [from: string, to: string, what: string, result: string];

const widths = { route: 19, what: 46 };

export function createNarrator({ write, paint, nameOf, now }: NarratorDeps) {
  const startedAt = now();
  /** Lines that wait. */
  let held: Line[] | undefined;
  let isQuiet = false;
  let hearsWebhooks = false;
  const titles = new Map<string, string>();
  const titleOf = (messageId: string) => titles.get(messageId) ?? `message ${messageId.slice(0, 12)}`;

  function say(line: Line) {
    if (isQuiet) return;
    if (held) {
      held.push(line);
      return;
    }
    const [from, to, what, result] = line;
    const seconds = `${((now() - startedAt) / 1000).toFixed(1).padStart(5)} s`;
    const route = `${from} → ${to}`.padEnd(widths.route);
    write(`${paint("dim", seconds)}  ${route}${cut(what).padEnd(widths.what)}  ${paintResult(result)}\n`);
  }

  function paintResult(result: string) {
    if (/^(Delivered|delivered|stored|taken|duplicate|e-mail)/.test(result)) return paint("green", result);
    return /^(Failed|refused|HTTP [45])/.test(result) ? paint("red", result) : result;
  }

  return {
    say,
    scene: (number: number, title: string) => write(`\n${paint("bold", `${number}  ${title}`)}\n\n`),
    /** What a message is called from now on. */
    name: (messageId: string, title: string) => void titles.set(messageId, title),
    /** Keeps what is said until the returned function is called, which lets something else be said first. */
    hold() {
      const lines: Line[] = [];
      held = lines;
      return (sayFirst: () => void) => {
        held = undefined;
        sayFirst();
        for (const line of lines) say(line);
      };
    },
    /** From now on webhooks come from people who do not say so themselves. */
    hearWebhooks: () => void (hearsWebhooks = true),
    hush: () => void (isQuiet = true),
    hear(news: News) {
      switch (news.type) {
        case "webhook":
          return hearsWebhooks ? say(["you", "bridge", `${news.kind} by hand`, news.result]) : undefined;
        case "typing":
          return say(["bridge", "chat", `${nameOf(news.to)}'s screen: somebody is typing`, "shown"]);
        case "shown":
          return say(["bridge", "chat", `${nameOf(news.to)}'s screen: ${news.screen}`, "accepted"]);
        case "refused":
          return say(["bridge", "chat", `${titleOf(news.messageId)} for ${nameOf(news.to)}`, `refused: ${news.code}`]);
        case "confirmed":
          return say(["chat", "bridge", `${nameOf(news.to)} has seen it`, "delivered"]);
        case "unheard":
          return say(["chat", "bridge", news.what, `refused: ${news.why}`]);
        case "receipt": {
          const result = news.code === undefined ? news.status : `${news.status}: ${news.code}`;
          return say(["bridge", "Genesys", `receipt for ${titleOf(news.messageId)}`, result]);
        }
        case "taken":
          return say(["bridge", "Genesys", `${nameOf(news.from)}'s message`, "taken"]);
        case "mail":
          return say(["bridge", "mail", `to ${news.mail.to.join(", ")}: ${news.mail.subject}`, "e-mail taken"]);
        case "noticed":
          return;
        default:
          return news satisfies never;
      }
    },
  };
}
export type Narrator = ReturnType<typeof createNarrator>;

function cut(text: string): string {
  return text.length > widths.what ? `${text.slice(0, widths.what - 1)}…` : text;
}
