import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sign } from "../helpers/webhook";
import { run } from "./run";

const secret = "harborline-test-secret-0001";
const body = '{"id":"a1","type":"Text","text":"Guten Morgen"}';
let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "omb-sign-"));
  file = join(directory, "body.json");
  writeFileSync(file, body);
});
afterAll(() => rmSync(directory, { recursive: true }));

function settings(): Record<string, string> {
  const path = join(directory, "settings.json");
  const integration = (name: string, signatureSecrets: string[]) => ({
    name,
    id: `${name}-id`,
    signatureSecrets,
    channel: "chat",
  });
  writeFileSync(
    path,
    JSON.stringify({
      integrations: [
        integration("chat", [secret, "older-secret-of-chat"]),
        integration("support", ["support-secret-0001"]),
      ],
      channels: {
        chat: { type: "http", url: "http://127.0.0.1:1/", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
      },
    }),
  );
  return { OMB_CONFIG: path };
}

describe("omb sign", () => {
  test("prints the header that Genesys Cloud would send", async () => {
    const { code, stdout, stderr } = await run(["sign", file, "--secret", secret]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `X-Hub-Signature-256: ${sign(body, secret)}\n`,
      stderr: "",
    });
  });

  test("reads stdin, and a secret from a variable", async () => {
    const { stdout } = await run(["sign", "-", "--secret", "env:TOKEN", "--json"], {
      env: { TOKEN: secret },
      stdin: body,
    });
    expect(JSON.parse(stdout)).toEqual({ header: "X-Hub-Signature-256", value: sign(body, secret), bytes: 47 });
  });

  test("takes the first secret of the named integration", async () => {
    const { stdout } = await run(["sign", file, "--integration", "chat"], { env: settings() });
    expect(stdout).toContain(sign(body, secret));
    const unnamed = await run(["sign", file], { env: settings() });
    expect(unnamed).toMatchObject({ code: 2, stderr: "--integration or --secret is needed: one of chat, support\n" });
  });

  test.each([
    [
      "a file that is not there",
      ["sign", "no-such-file", "--secret", secret],
      "no-such-file cannot be read (ENOENT)\n",
    ],
    ["a variable that is not set", ["sign", "-", "--secret", "env:NOWHERE"], "the variable NOWHERE is not set\n"],
  ])("%s is wrong usage", async (_, args, said) => {
    expect(await run(args)).toEqual({ code: 2, stdout: "", stderr: said });
  });
});

describe("omb verify", () => {
  const verify = (header: string, ...more: string[]) => run(["verify", file, "--header", header, ...more]);

  test("ends with 0 when the signature fits, with or without the header's name", async () => {
    for (const header of [sign(body, secret), `X-Hub-Signature-256: ${sign(body, secret)}`]) {
      const ran = await verify(header, "--secret", "wrong", "--secret", secret);
      expect(ran).toMatchObject({ code: 0, stdout: "The signature fits: secret 2 of those given.\n" });
    }
  });

  test("ends with 1 and says what to do when it does not", async () => {
    const { code, stdout } = await verify(sign(`${body}\n`, secret), "--secret", secret);
    expect(code).toBe(1);
    expect(stdout).toContain("a line break at the end was signed and is missing");
    expect(stdout).toContain("--data-binary");
  });

  test("knows the secrets of all integrations", async () => {
    const header = sign(body, "support-secret-0001");
    const ran = await run(["verify", file, "--header", header, "--integration", "chat", "--json"], { env: settings() });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ verdict: "explained", secret: "support" });
    const older = sign(body, "older-secret-of-chat");
    expect(await run(["verify", file, "--header", older, "--integration", "chat"], { env: settings() })).toMatchObject({
      code: 0,
      stdout: "The signature fits: chat, signatureSecrets[1].\n",
    });
  });

  test("a missing file argument is wrong usage, in the error shape with --json", async () => {
    const { code, stderr } = await run(["verify", "--secret", secret, "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "internal", message: expect.stringContaining("a file is needed") },
    });
    const unknown = await run(["verify", "--no-such-option", "--json"]);
    expect(unknown.code).toBe(2);
    expect(JSON.parse(unknown.stderr)).toEqual({
      error: { code: "invalid_field", message: expect.stringContaining("--no-such-option") },
    });
  });
});
