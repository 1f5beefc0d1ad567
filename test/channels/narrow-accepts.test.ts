import { narrowAccepts } from "../../src/channels/narrow-accepts";

const own = { kinds: ["text", "media"] as const, textLength: 4096, linkButtons: true, typing: true };

test("without settings a channel takes what it can carry", () => {
  expect(narrowAccepts(own, undefined)).toEqual(own);
  expect(narrowAccepts(own, {})).toEqual(own);
});

test("settings take away and set limits", () => {
  const narrower = { kinds: ["text"] as const, textLength: 160, buttons: 3, mediaTypes: ["image/*"], typing: false };
  expect(narrowAccepts(own, narrower)).toEqual({ ...narrower, linkButtons: true });
});

test("settings give nothing that the channel cannot carry", () => {
  const wider = { kinds: ["text", "structured"] as const, textLength: 10_000, typing: true };
  expect(narrowAccepts(own, wider)).toEqual({ ...own, kinds: ["text"] });
});
