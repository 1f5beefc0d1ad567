import { describeCredentials } from "../../src/genesys/credentials";

const organisation = { name: "main", region: "eu-central-1" };

test("a refused client is named with the region it is refused in and what to check", () => {
  const said = describeCredentials(organisation, "client-a", { status: 400, code: "invalid_client" });
  expect(said).toMatch(/^organisation main: the OAuth client client-a is refused by https:\/\/login\.mypurecloud\.de/);
  expect(said).toContain("HTTP 400, invalid_client");
  expect(said).toContain("Client Credentials");
  expect(said).toContain("Messages are taken and delivered meanwhile");
});

test.each([
  [undefined, "ENOTFOUND", "ENOTFOUND"],
  [503, "service.unavailable", "HTTP 503"],
  [429, "too.many.requests", "HTTP 429"],
])("a login host that is away (%s, %s) is not taken for a wrong secret", (status, code, shown) => {
  const said = describeCredentials(organisation, "client-a", { status, code });
  expect(said).toContain(`cannot be used now (${shown})`);
  expect(said).not.toContain("secret");
});
