import platformClient from "purecloud-platform-client-v2";
import { addressesOf, findRegionHost, hostOfRegion } from "../../src/genesys/regions";

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
