import { chooseTimeZone } from "../../src/fallback/time-zone";

const configured = "Europe/Vienna";

test("the zone that the adapter told goes first", () => {
  const clock = chooseTimeZone({ own: "Asia/Tokyo", phone: "+4366412345678", configured });
  expect(clock).toEqual({ timeZones: ["Asia/Tokyo"], source: "adapter" });
});

test("the country of a phone number tells its zone", () => {
  expect(chooseTimeZone({ phone: "+819012345678", configured })).toEqual({
    timeZones: ["Asia/Tokyo"],
    source: "phone",
  });
});

test("a wide country has several zones", () => {
  const { timeZones, source } = chooseTimeZone({ phone: "+12125551234", configured });
  expect(source).toBe("phone");
  expect(timeZones).toEqual(expect.arrayContaining(["America/New_York", "America/Los_Angeles"]));
});

test.each([
  ["nothing else", {}],
  ["a zone that does not exist", { own: "Middle/Earth" }],
  ["a number of no country", { phone: "+88312345678" }],
])("with %s the settings decide", (_, known) => {
  expect(chooseTimeZone({ ...known, configured })).toEqual({ timeZones: [configured], source: "settings" });
});
