/**
 * Media that agents send: `GET /api/v2/downloads/{id}` redirects to a signed URL that works for a while.
 * Like the storage behind the real one, the signed URL refuses a request that brings a token along.
 */
import { createHmac, randomBytes } from "node:crypto";
import { ApiError, notFound } from "./api-error";
import { newEntityId } from "./ids";
import type { Call, Route } from "./route";
import type { State } from "./state";
import type { Tokens } from "./token";

export interface DownloadsDeps {
  state: State;
  tokens: Pick<Tokens, "checkBearer">;
  now: () => number;
  /** Where the simulator listens. */
  baseUrl: () => string;
  /** Whether the first request must bring a token. */
  needsToken: boolean;
}

export interface MediaInput {
  bytes: Buffer;
  mime: string;
  filename: string;
}

/** How long a signed URL works. */
const signedForMs = 10 * 60_000;

export function createDownloads({ state, tokens, now, baseUrl, needsToken }: DownloadsDeps) {
  const key = randomBytes(32);

  /** Keeps a file and returns the attachment that a message carries it by. */
  function addMedia({ bytes, mime, filename }: MediaInput) {
    const id = `dl${newEntityId().replaceAll("-", "")}`;
    state.media.set(id, { id, mime, filename, bytesBase64: bytes.toString("base64") });
    return {
      mediaType: mediaTypeOf(mime),
      url: `${baseUrl()}/api/v2/downloads/${id}`,
      mime,
      filename,
      contentSizeBytes: bytes.length,
    };
  }

  function getDownload(call: Call) {
    if (needsToken) {
      try {
        tokens.checkBearer(String(call.headers["authorization"] ?? ""));
      } catch (error) {
        if (call.query.get("redirectToAuth") === "false") throw error;
        return { status: 302, headers: { Location: `${baseUrl()}/login` } };
      }
    }
    const { id } = getMedia(call);
    const url = `${baseUrl()}/media/${id}?${sign(id, now() + signedForMs)}`;
    if (call.query.get("issueRedirect") === "false") return { status: 200, body: { url } };
    return { status: 302, headers: { Location: url } };
  }

  function getFile(call: Call) {
    if (call.headers["authorization"] !== undefined) {
      throw new ApiError({ status: 400, code: "bad.request", message: "Only one auth mechanism allowed." });
    }
    const expires = Number(call.query.get("expires"));
    const { id, mime, filename, bytesBase64 } = getMedia(call);
    const isSigned = sign(id, expires) === `expires=${expires}&signature=${call.query.get("signature")}`;
    if (!isSigned || expires <= now()) {
      throw new ApiError({ status: 403, code: "not.authorized", message: "The request has expired or is not signed." });
    }
    return {
      status: 200,
      body: Buffer.from(bytesBase64, "base64"),
      headers: {
        "Content-Type": mime,
        "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(filename)}`,
      },
    };
  }

  function getMedia(call: Call) {
    const found = state.media.get(call.param("downloadId"));
    if (!found) throw notFound();
    return found;
  }

  function sign(id: string, expires: number) {
    const signature = createHmac("sha256", key).update(`${id}\n${expires}`).digest("hex");
    return `expires=${expires}&signature=${signature}`;
  }

  const routes: Route[] = [
    { method: "GET", path: "/api/v2/downloads/{downloadId}", open: true, handle: getDownload },
    { method: "GET", path: "/media/{downloadId}", open: true, handle: getFile },
    {
      method: "GET",
      path: "/login",
      open: true,
      handle: () => ({
        status: 200,
        body: Buffer.from("<!doctype html><title>Log in</title><p>Log in to see this."),
        headers: { "Content-Type": "text/html" },
      }),
    },
  ];
  return { addMedia, routes };
}

function mediaTypeOf(mime: string) {
  const group = mime.split("/")[0];
  const known = { image: "Image", video: "Video", audio: "Audio" } as const;
  return group === "image" || group === "video" || group === "audio" ? known[group] : "File";
}
