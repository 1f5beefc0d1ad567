import platformClient from "purecloud-platform-client-v2";
import { addressesOf, findRegionHost, hostOfRegion, ownsUrl } from "../../src/genesys/regions";

// Its watch on a file in the home directory would outlive the test.
platformClient.ApiClient.config.live_reload_config = false;

test("the table holds every region of the SDK and no other", () => {
  const known = Object.entries(platformClient.PureCloudRegionHosts).map(([name, host]) => [
    name.replaceAll("_", "-"),
    host,
  ]);
  expect(hostOfRegion).toEqual(Object.fromEntries(known));
});

test.each([
  ["eu-west-2", "euw2.pure.cloud"],
  ["EU_WEST_2", "euw2.pure.cloud"],
  ["euw2.pure.cloud", "euw2.pure.cloud"],
  [" https://api.euw2.pure.cloud/ ", "euw2.pure.cloud"],
  ["login.mypurecloud.com.au", "mypurecloud.com.au"],
  ["https://apps.mypurecloud.ie/directory/", "mypurecloud.ie"],
])("%s is the host %s", (region, host) => {
  expect(findRegionHost(region)).toBe(host);
});

test.each(["", "eu-west-9", "evil.example", "mypurecloud.ie.evil.example", "constructor", "__proto__"])(
  "%p is no region",
  (region) => {
    expect(findRegionHost(region)).toBeUndefined();
  },
);

test("a region has two hosts, a gateway one address for both", () => {
  expect(addressesOf({ region: "eu-central-1" })).toEqual({
    apiUrl: "https://api.mypurecloud.de",
    loginUrl: "https://login.mypurecloud.de",
  });
  expect(addressesOf({ region: "eu-central-1", gatewayUrl: "http://127.0.0.1:4010/base//" })).toEqual({
    apiUrl: "http://127.0.0.1:4010/base",
    loginUrl: "http://127.0.0.1:4010/base",
  });
});

test.each([
  ["https://api.mypurecloud.de/api/v2/downloads/1", true],
  ["https://apps.mypurecloud.de/x", true],
  ["https://mypurecloud.de/", true],
  ["http://api.mypurecloud.de/", false],
  ["https://api.mypurecloud.de:8443/", false],
  ["https://api.mypurecloud.de.evil.example/", false],
  ["https://evilmypurecloud.de/", false],
  ["https://api.mypurecloud.ie/", false],
  ["https://files.example/mypurecloud.de", false],
])("the token of eu-central-1 may be shown to %s: %s", (url, owned) => {
  expect(ownsUrl(new URL(url), { region: "eu-central-1" })).toBe(owned);
});

test("behind a gateway, the gateway's origin alone is shown the token", () => {
  const organisation = { region: "eu-central-1", gatewayUrl: "http://127.0.0.1:4000/genesys" };
  expect(ownsUrl(new URL("http://127.0.0.1:4000/media/1"), organisation)).toBe(true);
  expect(ownsUrl(new URL("http://127.0.0.1:4001/media/1"), organisation)).toBe(false);
  expect(ownsUrl(new URL("https://api.mypurecloud.de/"), organisation)).toBe(false);
});
