import { isMailAddress } from "../../src/channels/mail-address";

test.each([
  "ines@harborline.example",
  "Ines.Marlow+pier4@mail.harborline.example",
  "o'brien@harborline.example",
  "ines@münchen.example",
  "ines@xn--mnchen-3ya.example",
  "дмитрий@пример.example",
  "用户@例子.example",
  '"john smith"@harborline.example',
  '"a@b"@harborline.example',
  '"a\\"b"@harborline.example',
  `${"l".repeat(64)}@harborline.example`,
])("%p is one address", (address) => {
  expect(isMailAddress(address)).toBe(true);
});

test.each([
  "",
  "ines",
  "@harborline.example",
  "ines@",
  "ines@localhost",
  "ines@127.0.0.1",
  "ines@[127.0.0.1]",
  "ines@harborline..example",
  "ines@-harborline.example",
  "ines@harborline.example.",
  "ines@harbor_line.example",
  "ines@harbor%6cine.example",
  ".ines@harborline.example",
  "ines.@harborline.example",
  "in..es@harborline.example",
  "ines marlow@harborline.example",
  " ines@harborline.example",
  "ines@harborline.example ",
  "Ines <ines@harborline.example>",
  "ines@harborline.example, evil@example.org",
  "ines@harborline.example;evil@example.org",
  "ok@harborline.example\r\nBcc: evil@example.org",
  "ok@harborline.example\nBcc:evil@example.org",
  "friends: evil@example.org;",
  "evil@example.org,@harborline.example",
  "ines@harborline.example\u0000",
  "in\u200bes@harborline.example",
  "in\u00a0es@harborline.example",
  "in\ud800es@harborline.example",
  '"a\r\nb"@harborline.example',
  '"a"b"@harborline.example',
  '""@harborline.example',
  "crew-7781",
  `${"l".repeat(65)}@harborline.example`,
  `ines@${"a".repeat(64)}.example`,
  `ines@${"a.".repeat(130)}example`,
])("%p is none", (address) => {
  expect(isMailAddress(address)).toBe(false);
});
