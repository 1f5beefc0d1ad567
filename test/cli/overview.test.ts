/** All commands, found by walking the help: each is described, shown by an example, and fails in words that a shell can use. */
import { execFile } from "node:child_process";
import { run } from "./run";

interface Command {
  path: string[];
  help: string;
  isGroup: boolean;
}

async function walk(path: string[] = []): Promise<Command[]> {
  const { code, stdout, stderr } = await run([...path, "--help"]);
  if (code !== 0 || stderr !== "") throw new Error(`omb ${path.join(" ")} --help: ${code} ${stderr}`);
  const list = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? "";
  const names = [...list.matchAll(/^ {2}([a-z]\S*)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
  const inner = await Promise.all(names.map((name) => walk([...path, name])));
  return [{ path, help: stdout, isGroup: names.length > 0 }, ...inner.flat()];
}

let commands: Command[];
beforeAll(async () => {
  commands = await walk();
});
const single = () => commands.filter(({ isGroup }) => !isGroup);

test("the commands are those that are documented, and more may come", () => {
  const names = single().map(({ path }) => path.join(" "));
  expect(names).toEqual(
    expect.arrayContaining([
      ...["serve", "check", "migrate", "messages list", "messages show", "audit", "sign", "verify", "explain"],
      ...["schema", "adapter test", "doctor", "provision", "contacts resolve", "contacts merge"],
    ]),
  );
});

test("each says what it does, takes --json, and shows an example that begins with its name", () => {
  for (const { path, help } of single()) {
    const name = `omb ${path.join(" ")}`;
    expect(help).toMatch(new RegExp(`^Usage: ${name}\\b`));
    expect(help).toMatch(/\n\n[A-Z].*\.\n\n/s);
    expect([name, help]).toEqual([name, expect.stringContaining("--json")]);
    const examples = help.slice(help.search(/\n(Examples?:|.*, then .*:)/));
    expect([name, examples]).toEqual([name, expect.stringContaining(name)]);
  }
});

test("each option is described", () => {
  for (const { path, help } of commands) {
    const options = help.split("\n").filter((line) => /^ {2}-/.test(line));
    const bare = options.filter((line) => !/^ {2}\S.*?( {2,}\S|$)/.test(line));
    expect([path, bare]).toEqual([path, []]);
  }
});

test("an unknown option ends each with 2, in a line or as JSON, and never with a stack", async () => {
  for (const { path } of commands) {
    const ran = await run([...path, "--no-such-option"]);
    expect([path, ran.code, ran.stdout]).toEqual([path, 2, ""]);
    expect(ran.stderr).toContain("unknown option '--no-such-option'");
    expect(ran.stderr).not.toMatch(/^\s+at /m);
    const json = await run([...path, "--no-such-option", "--json"]);
    expect([path, json.code, json.stdout]).toEqual([path, 2, ""]);
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: "invalid_field" } });
  }
});

test("an unknown command is answered with the one that was meant", async () => {
  const { code, stdout, stderr } = await run(["exlpain"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("Did you mean explain?");
});

test("no command at all shows the help, as wrong usage", async () => {
  const { code, stdout, stderr } = await run([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("Usage: omb");
});

test("settings that cannot be used end those that need them with 2, and say where", async () => {
  for (const path of [["serve"], ["migrate"], ["messages", "list"], ["audit"], ["verify", "--rejected"]]) {
    const ran = await run(path, { env: { OMB_CONFIG: "no-such-settings.json" } });
    expect([path, ran.code]).toEqual([path, 2]);
    expect(ran.stderr).toContain("no-such-settings.json");
    expect(ran.stderr).not.toMatch(/^\s+at /m);
  }
});

test("a reader that stops reading is no error", async () => {
  const large = `node -p 'JSON.stringify({ type: "Text", text: "long ".repeat(1e5) })'`;
  const shell = `set -o pipefail; ${large} | "$0" --import tsx src/main.ts explain - --json 2>/dev/null | head -c 10`;
  const ended = await new Promise<{ code: number | string | undefined; stderr: string }>((resolve) => {
    execFile("bash", ["-c", shell, process.execPath], (error, _, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
  expect(ended).toEqual({ code: 0, stderr: "" });
});
