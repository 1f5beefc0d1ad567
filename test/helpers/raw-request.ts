/** HTTP as no polite client would speak it: header lines as given, bodies in chunks or cut off. */
import { type IncomingHttpHeaders, request } from "node:http";
import { text } from "node:stream/consumers";

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/**
 * POSTs to `url`. Headers are a list of names and values in turn, repeated ones included. A list of `chunks` goes out without a
 * content-length.
 */
export function postRaw(url: string, headers: readonly string[], body: Buffer | readonly Buffer[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const length = Buffer.isBuffer(body) ? ["content-length", String(body.length)] : ["transfer-encoding", "chunked"];
    const host = ["host", new URL(url).host];
    const req = request(url, { method: "POST", headers: [...host, ...headers, ...length], agent: false }, (res) => {
      text(res).then(
        (answered) => resolve({ status: res.statusCode ?? 0, headers: res.headers, text: answered }),
        reject,
      );
    });
    // What is left of a body after its refusal meets a closed connection; the answer is there all the same.
    req.on("error", (error) => setImmediate(reject, error));
    if (Buffer.isBuffer(body)) req.end(body);
    else {
      for (const chunk of body) req.write(chunk);
      req.end();
    }
  });
}
