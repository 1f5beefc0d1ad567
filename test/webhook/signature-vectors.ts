import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface SignatureVector {
  name: string;
  secret: string;
  bodyBase64: string;
  header: string;
  accept: boolean;
}

/** Signatures as Genesys Cloud makes them, and wrong ones as others were seen to make. */
export const vectors = (
  JSON.parse(readFileSync(join(__dirname, "../fixtures/signature-vectors.json"), "utf8")) as {
    vectors: SignatureVector[];
  }
).vectors;
