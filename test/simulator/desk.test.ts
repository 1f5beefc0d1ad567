import { startBoth } from "./connector";

type Both = Awaited<ReturnType<typeof startBoth>>;

async function read({ simulator }: Both, path: string) {
  const answer = await fetch(simulator.url + path);
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** Sends a form and returns where it leads. */
async function send({ simulator }: Both, path: string, form: Record<string, string>) {
  const answer = await fetch(simulator.url + path, {
    method: "POST",
    body: new URLSearchParams(form),
    redirect: "manual",
  });
  return { status: answer.status, location: answer.headers.get("location") ?? "", text: await answer.text() };
}

test("an agent writes to a customer, reads what became of it, and ends the conversation", async () => {
  const both = await startBoth();
  expect((await read(both, "/_desk")).text).toContain("None yet");
  const { status, location } = await send(both, "/_desk", { to: " crew-7781 ", text: "Good morning" });
  expect([status, location]).toEqual([303, expect.stringMatching(/^\/_desk\/[\w-]+$/)]);
  await both.simulator.next("webhook");
  expect(both.receiver.received[0]?.json).toMatchObject({ text: "Good morning", originatingEntity: "Human" });
  expect((await read(both, "/_desk")).text).toMatch(/crew-7781.*connected.*Good morning/s);

  await send(both, location, { text: "Shall I book it?", replies: "Yes, No", by: "bot" });
  await both.simulator.next("webhook");
  expect(both.receiver.received[1]?.json).toMatchObject({ type: "Structured", originatingEntity: "Bot" });
  const said = await read(both, `${location}/messages`);
  expect(said.text).toMatch(/Good morning.*Shall I book it\? \[Yes\] \[No\]/s);
  expect(said.text).toContain('http-equiv="refresh"');

  await send(both, `${location}/end`, { by: "agent" });
  expect((await read(both, location)).text).toContain("This conversation has ended.");
});

test("a failure is shown with its reason", async () => {
  const both = await startBoth({}, (_hook, response) => response.writeHead(404).end());
  const { location } = await send(both, "/_desk", { to: "crew-7781", text: "Good morning" });
  await both.simulator.next("webhook");
  expect((await read(both, `${location}/messages`)).text).toMatch(/not delivered: GeneralError - .*404/);
});

test("what customers and agents write is shown as text, and no script can run", async () => {
  const both = await startBoth();
  const evil = "<script>alert(1)</script>\"'&";
  const { location } = await send(both, "/_desk", { to: "<img src=x onerror=alert(1)>", text: evil });
  for (const path of ["/_desk", location, `${location}/messages`]) {
    const { text, headers } = await read(both, path);
    expect(text).not.toMatch(/<script|<img/);
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  }
  expect((await read(both, `${location}/messages`)).text).toContain(
    "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;",
  );
});

test("a chat in a browser is started, loses its browser, and gets it back", async () => {
  const both = await startBoth();
  const { location } = await send(both, "/_desk/webchats", {});
  await send(both, `${location}/browser`, { browser: "gone" });
  await send(both, location, { text: "Are you there?" });
  expect((await read(both, `${location}/messages`)).text).toContain("not delivered");
  expect((await read(both, location)).text).toContain("The browser comes back");
  await send(both, `${location}/browser`, { browser: "back" });
  expect((await read(both, `${location}/messages`)).text).toMatch(/Are you there\?.*delivered/s);
});

test("what cannot be sent is told on the page", async () => {
  const both = await startBoth();
  for (const form of [
    { to: "crew-7781", text: " " },
    { to: "crew-7781", text: "x".repeat(2001) },
  ]) {
    const { status, text } = await send(both, "/_desk", form);
    expect([status, text]).toEqual([400, expect.stringContaining('role="alert"')]);
  }
  expect((await read(both, "/_desk/nobody")).status).toBe(404);
});
