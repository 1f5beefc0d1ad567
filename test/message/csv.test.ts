import * as fc from "fast-check";
import { readCsv, writeCsv } from "../../src/message/csv";

test("fields may be quoted and hold commas, quotes and line ends", () => {
  expect(readCsv('a,"b, ""c""\nd",e\r\n\n"",f\n')).toEqual([
    { line: 1, fields: ["a", 'b, "c"\nd', "e"] },
    { line: 4, fields: ["", "f"] },
  ]);
});

test("a byte order mark is no part of the first field, and a last line needs no end", () => {
  expect(readCsv("\uFEFFaddress\nmira@harborline.example")).toEqual([
    { line: 1, fields: ["address"] },
    { line: 2, fields: ["mira@harborline.example"] },
  ]);
});

test("whatever is written is read the same again", () => {
  const rows = fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, (table) => {
      const text = table.map((fields) => writeCsv(fields)).join("");
      expect(readCsv(text).map((row) => row.fields)).toEqual(table);
    }),
  );
});
