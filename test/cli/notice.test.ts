import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { runCli } from "../../src/cli";
import { atEnd } from "../helpers/clean-up";

const chat = { type: "http", url: "http://127.0.0.1:1", secret: `whsec_${Buffer.alloc(24).toString("base64")}` };

function place(policy: object) {
  const directory = mkdtempSync(join(tmpdir(), "omb-notice-"));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  const settings = join(directory, "settings.json");
  const missed = { steps: [{ channel: "chat" }], ...policy };
  writeFileSync(settings, JSON.stringify({ channels: { chat }, fallback: { missed } }));
  return {
    directory,
    async preview(...args: string[]) {
      const parts: Record<"stdout" | "stderr", string[]> = { stdout: [], stderr: [] };
      const stream = (name: "stdout" | "stderr") =>
        new Writable({ write: (chunk, _, done) => (parts[name].push(String(chunk)), done()) });
      const code = await runCli(["notice", "preview", ...args], {
        env: { OMB_CONFIG: settings, DATA_DIR: directory },
        stdin: Readable.from([]),
        stdout: stream("stdout"),
        stderr: stream("stderr"),
      });
      return { code, stdout: parts.stdout.join(""), stderr: parts.stderr.join("") };
    },
  };
}

test("a policy's notice is shown as it would be written, with the parts its SMS takes", async () => {
  const { preview, directory } = place({
    returnUrl: "https://chat.example/",
    templates: { de: { sms: "{{ count }} €" } },
  });
  const html = join(directory, "notice.html");
  const shown = await preview("--language", "de-AT", "--count", "2", "--html", html);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain("Policy missed, language de\n");
  expect(shown.stdout).toContain("Subject: 2 neue Nachrichten von Harborline Support\n");
  expect(shown.stdout).toContain("SMS (1 × GSM-7):\n2 €\n");
  expect(readFileSync(html, "utf8")).toContain('href="https://chat.example/"');
});

test("machines get everything, what could not be rendered among it", async () => {
  const { preview } = place({
    revealText: true,
    templates: { en: { text: "{% for m in messages %}{{ m.text }};{% endfor %}" } },
  });
  const shown = JSON.parse((await preview("--json")).stdout) as Record<string, unknown>;
  expect(shown).toMatchObject({ policy: "missed", language: "en", broken: [], segments: { encoding: "GSM-7" } });
  expect(String(shown.text).split(";")).toHaveLength(4);
});

test("a policy that is not there is said, with those that are", async () => {
  const { preview } = place({});
  expect(await preview("--policy", "other")).toMatchObject({
    code: 2,
    stderr: "name a fallback policy of the settings: there are missed\n",
  });
  expect((await preview("--count", "0")).code).toBe(2);
});

test("a template that fails is found by the check of the settings", async () => {
  const { preview } = place({ templates: { en: { html: "{{ nobody }}" } } });
  const refused = await preview();
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("fallback.missed.templates.en.html");
});
