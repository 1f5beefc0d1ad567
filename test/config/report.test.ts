import { reportJson, reportText } from "../../src/config/report";
import { env, load, minimal } from "./settings";

test("problems stand in aligned columns, warnings below", () => {
  const loaded = load({ ...minimal, maxBodyBytes: "1 MB", retention: { textDays: 0 } }, {});
  expect(reportText(loaded)).toBe(
    [
      "2 problems in the settings:",
      "  where               found   allowed",
      '  maxBodyBytes        "1 MB"  a whole number from 1 to 104857600 bytes',
      "  retention.textDays  0       a whole number from 1 to 36500 days",
      "warning: integrations[0] (harborline-chat): no organisation, so receipts cannot be sent to Genesys Cloud",
      "",
    ].join("\n"),
  );
});

test("one problem is one problem", () => {
  expect(reportText(load({ ...minimal, maxBodyBytes: 0 }))).toMatch(/^1 problem in the settings:\n/);
});

test("good settings are said to be good", () => {
  expect(reportText(load(minimal))).toBe("The settings are good.\n");
});

test("machines get the same as an object", () => {
  expect(reportJson(load(minimal))).toEqual({ ok: true, problems: [], warnings: [] });
  expect(reportJson(load({ ...minimal, maxBodyBytes: 0 }, env))).toEqual({
    ok: false,
    problems: [{ path: "maxBodyBytes", found: "0", allowed: "a whole number from 1 to 104857600 bytes" }],
    warnings: [],
  });
});
