/** `GET` and `POST /unsubscribe/{token}`: a page that asks, and the one click of RFC 8058. Only POST changes anything. */
import express, { type Response, type Router } from "express";
import type { Unsubscribe } from "../store/unsubscribe";

export interface UnsubscribeDeps {
  /** What a token stands for; undefined for one that was not made here. */
  open(token: string): Promise<Unsubscribe | undefined>;
  /** Resolves once it is on disk. */
  save(wish: Unsubscribe, evidence: Record<string, unknown>): Promise<void>;
}

export function unsubscribeRoutes({ open, save }: UnsubscribeDeps): Router {
  const router = express.Router();
  const form = express.urlencoded({ extended: false, limit: 10_000 });

  router.get("/unsubscribe/:token", async (req, res) => {
    const wish = await open(req.params.token);
    const words = wordsFor(req.acceptsLanguages("en", "de"));
    if (wish === undefined) return sendPage(res, 404, words, `<p>${words.unknown}</p>`);
    const button = `<form method="post"><button name="confirm" value="1">${words.confirm}</button></form>`;
    return sendPage(
      res,
      200,
      words,
      `<p>${words.question} <strong>${escapeHtml(hide(wish.address))}</strong></p>${button}`,
    );
  });

  router.post("/unsubscribe/:token", form, async (req, res) => {
    const wish = await open(req.params.token);
    const words = wordsFor(req.acceptsLanguages("en", "de"));
    if (wish === undefined) return sendPage(res, 404, words, `<p>${words.unknown}</p>`);
    const body = (req.body ?? {}) as Record<string, unknown>;
    const isOneClick = body["List-Unsubscribe"] === "One-Click";
    await save(wish, { policy: wish.policy, by: isOneClick ? "one click (RFC 8058)" : "the page" });
    return sendPage(res, 200, words, `<p>${words.done}</p>`);
  });

  return router;
}

interface Words {
  language: string;
  title: string;
  question: string;
  confirm: string;
  done: string;
  unknown: string;
}

const en: Words = {
  language: "en",
  title: "Unsubscribe",
  question: "Do you want no more messages of this kind at",
  confirm: "Send me no more",
  done: "Done. You will get no more messages of this kind.",
  unknown: "This link is not complete. Please open it again from the message it came in.",
};

const de: Words = {
  language: "de",
  title: "Abmelden",
  question: "Möchten Sie keine Nachrichten dieser Art mehr erhalten an",
  confirm: "Nichts mehr senden",
  done: "Erledigt. Sie erhalten keine Nachrichten dieser Art mehr.",
  unknown: "Dieser Link ist nicht vollständig. Bitte öffnen Sie ihn noch einmal aus der Nachricht.",
};

function wordsFor(language: string | false): Words {
  return language === "de" ? de : en;
}

function sendPage(res: Response, status: number, { language, title }: Words, body: string): void {
  res
    .status(status)
    .set({
      "cache-control": "no-store",
      "x-robots-tag": "noindex",
      "referrer-policy": "no-referrer",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    })
    .type("html")
    .send(`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto 0; padding: 0 1.25rem; }
button { font: inherit; padding: 0.6rem 1.4rem; border-radius: 0.5rem; border: 1px solid currentColor; background: none; color: inherit; cursor: pointer; }
</style>
</head>
<body><main><h1>${title}</h1>${body}</main></body>
</html>
`);
}

/** Enough to know one's own address by, too little to learn one. */
function hide(address: string): string {
  const at = address.lastIndexOf("@");
  return at > 0 ? `${address.slice(0, 1)}…${address.slice(at)}` : `…${address.slice(-3)}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
