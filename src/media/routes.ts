/** `GET /media/{token}`: a kept file, for whoever was given the link. */
import express, { type Router } from "express";
import { BridgeError } from "../errors";
import { verifyLink } from "./links";
import type { Shelf } from "./shelf";

export interface MediaRouteDeps {
  shelf: Pick<Shelf, "find">;
  linkKey: string;
  now: () => number;
}

export function mediaRoutes({ shelf, linkKey, now }: MediaRouteDeps): Router {
  const router = express.Router();
  router.get("/media/:token", async (req, res) => {
    const link = verifyLink(req.params.token, linkKey, now());
    const file = link === undefined ? undefined : await shelf.find(link.id);
    if (link === undefined || file === undefined)
      throw new BridgeError("not_found", "there is no such file, or its link has expired");
    const isShown = /^(image|video|audio)\/(?!svg)/.test(file.mime);
    if (file.filename !== undefined) res.attachment(file.filename);
    const disposition = String(res.getHeader("content-disposition") ?? "attachment");
    await new Promise<void>((resolve, reject) => {
      res.sendFile(
        file.path,
        {
          dotfiles: "allow",
          cacheControl: false,
          lastModified: false,
          headers: {
            "content-type": file.mime,
            // The file is somebody else's: it is shown as what it is, and never runs in our name.
            "content-disposition": isShown ? disposition.replace(/^attachment/, "inline") : disposition,
            "content-security-policy": "sandbox; default-src 'none'",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "cross-origin",
            "cache-control": `private, max-age=${Math.floor((link.expiresAt - now()) / 1000)}`,
          },
        },
        (error) => (error === undefined || res.headersSent ? resolve() : reject(error)),
      );
    });
  });
  return router;
}
