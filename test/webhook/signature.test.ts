import CryptoJS from "crypto-js";
import * as fc from "fast-check";
import { signBody, verifySignature } from "../../src/webhook/signature";
import { vectors } from "./signature-vectors";

test.each(vectors)("$name: $accept", ({ secret, bodyBase64, header, accept }) => {
  expect(verifySignature(Buffer.from(bodyBase64, "base64"), header, [secret])).toBe(accept);
});

const body = fc.uint8Array({ maxLength: 2000 });
const secret = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 });

test("any bytes under any secret are signed as an independent implementation signs them", () => {
  fc.assert(
    fc.property(body, secret, (bytes, key) => {
      const digest = CryptoJS.HmacSHA256(CryptoJS.lib.WordArray.create(bytes), CryptoJS.enc.Utf8.parse(key));
      expect(signBody(bytes, key)).toBe(`sha256=${CryptoJS.enc.Base64.stringify(digest)}`);
    }),
  );
});

test("a signature is taken under any of several secrets, and under no other", () => {
  fc.assert(
    fc.property(body, fc.uniqueArray(secret, { minLength: 2, maxLength: 5 }), (bytes, [signing = "", ...others]) => {
      const header = signBody(bytes, signing);
      expect(verifySignature(bytes, header, [...others, signing])).toBe(true);
      expect(verifySignature(bytes, header, others)).toBe(false);
      expect(verifySignature(bytes, header, [])).toBe(false);
    }),
  );
});

test("a signature fits its own bytes alone", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), secret, fc.nat(), (bytes, key, where) => {
      const header = signBody(bytes, key);
      const other = Uint8Array.from(bytes);
      const at = where % bytes.length;
      other[at] = (bytes[at] ?? 0) ^ 1;
      expect(verifySignature(other, header, [key])).toBe(false);
    }),
  );
});

test("any header but the canonical one is refused, and none makes the check throw", () => {
  fc.assert(
    fc.property(body, secret, fc.string({ unit: "binary" }), fc.nat(60), (bytes, key, noise, at) => {
      const header = signBody(bytes, key);
      const changed = [noise, `${header}${noise}`, `${noise}${header}`, header.slice(0, at) + noise + header.slice(at)];
      for (const one of changed) expect(verifySignature(bytes, one, [key])).toBe(one === header);
      expect(verifySignature(bytes, undefined, [key])).toBe(false);
    }),
  );
});
