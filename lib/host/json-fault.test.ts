import { describe, expect, it } from "vitest";
import { jsonFault } from "./json-fault.lazy.ts";

describe("the fault of a text that is no JSON", () => {
  it.each([
    ["", "it is empty"],
    [" \n", "it is empty but for blanks"],
    [
      '\ufeff{"a":1}',
      "line 1, column 1: a byte order mark (BOM): save the file as UTF-8 without one",
    ],
    ['{\n  "a": 1, // one\n}', "line 2, column 11: a comment, which JSON does not have"],
    ["/* x */ {}", "line 1, column 1: a comment, which JSON does not have"],
    ['# x\n{"a":1}', "line 1, column 1: a comment, which JSON does not have"],
    ['{"a":1}\n# x', "line 2, column 1: a comment, which JSON does not have"],
    ['{"a":1,\n}', "line 1, column 7: a comma before }, after the last one"],
    ["[1,\n 2,\r\n]", "line 2, column 3: a comma before ], after the last one"],
    ['{"a":[{},]}', "line 1, column 9: a comma before ], after the last one"],
    ['{"a":1,,"b":2}', "line 1, column 8: a comma too many"],
    ["[1,,2]", "line 1, column 4: a comma where a value is expected"],
    ["[,1]", "line 1, column 2: a comma where a value is expected"],
    ['{,"a":1}', "line 1, column 2: a comma too many"],
    ["{'a':1}", "line 1, column 2: a single quotation mark: JSON has double ones only"],
    ["{\"a\":'b'}", "line 1, column 6: a single quotation mark: JSON has double ones only"],
    ["{“a”:1}", 'line 1, column 2: the quotation mark “: JSON has " only'],
    ['{"a":«b»}', 'line 1, column 6: the quotation mark «: JSON has " only'],
    ['{"a":1\n "b":2}', 'line 1, column 7: a comma is missing before "b"'],
    ["[1 2]", "line 1, column 3: a comma is missing before 2"],
    ['{"a":{}\n"b":{}}', 'line 1, column 8: a comma is missing before "b"'],
    ['{"a" 1}', "line 1, column 5: a colon is missing after the key"],
    ['{"a"}', "line 1, column 5: a colon is missing after the key"],
    ['{"a" = 1}', "line 1, column 6: = between key and value: JSON has a colon there"],
    ['{"a":1;"b":2}', "line 1, column 7: a semicolon: JSON has a comma there"],
    ['{"a":"b":"c"}', "line 1, column 9: a colon where a comma or the end is expected"],
    ['{"a":}', "line 1, column 6: } where a value is expected"],
    ['{"a":1,"b":}', "line 1, column 12: } where a value is expected"],
    ["{a:1}", "line 1, column 2: a key without quotation marks: a"],
    ["{1:1}", "line 1, column 2: a key in double quotation marks is expected, not 1"],
    ["{{ x }}", "line 1, column 2: a key in double quotation marks is expected, not {"],
    ['{"a":yes}', "line 1, column 6: a value without quotation marks: yes"],
    ['{"a":10.1.0.0/16}', "line 1, column 6: 10.1.0.0/16 is no number of JSON"],
    ['{"a":True}', "line 1, column 6: True: JSON writes true"],
    ['{"a":None}', "line 1, column 6: None: JSON writes null"],
    ['{"a":012}', "line 1, column 6: 012 is no number of JSON"],
    ['{"a":+1}', "line 1, column 6: +1 is no number of JSON"],
    ['{"a":.5}', "line 1, column 6: .5 is no number of JSON"],
    ['{"a":1.}', "line 1, column 6: 1. is no number of JSON"],
    ['{"a":0x10}', "line 1, column 6: 0x10 is no number of JSON"],
    [
      '{"a":"b\n","c":1}',
      "line 1, column 8: the line ends here, but the quotation mark of line 1, column 6 is not closed",
    ],
    [
      '{"a":"b',
      "line 1, column 8: the text ends here, but the quotation mark of line 1, column 6 is not closed",
    ],
    ['{"a":"\t"}', "line 1, column 7: a tab within a text: write \\t"],
    ['{"a":"\x01"}', "line 1, column 7: the control character U+0001 within a text"],
    ['{"a":"\\x"}', "line 1, column 7: \\x is no escape of JSON: a backslash is written \\\\"],
    ['{"a":"\\u12"}', "line 1, column 7: \\u is no escape of JSON: a backslash is written \\\\"],
    ['{"a":1}\0', "line 1, column 8: a NUL character: is this UTF-16, or no text at all?"],
    ['{\u00a0"a":1}', "line 1, column 2: a blank that JSON does not have, U+00A0"],
    [
      '{\n  "a": [\n    1\n',
      "line 3, column 6: the text ends here, but the [ of line 2, column 8 is not closed",
    ],
    ['{"a":[1}', "line 1, column 8: } where ] is expected, which closes the [ of line 1, column 6"],
    ['{"a":1]', "line 1, column 7: ] where } is expected, which closes the { of line 1, column 1"],
    ['{"a":1}\n{"b":2}', "line 2, column 1: there is more after the end of the JSON text: {"],
    ['{"a":1}}', "line 1, column 8: there is more after the end of the JSON text: }"],
    ["}", "line 1, column 1: } where a value is expected"],
    [
      "cniVersion: 1.0.0",
      "line 1, column 1: the text begins with cniVersion, a configuration with {",
    ],
    ["---\na: 1", "line 1, column 1: the text begins with ---, a configuration with {"],
    ['{"ä€😀": x}', "line 1, column 9: a value without quotation marks: x"],
  ])("%j: %s", (text, fault) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFault(text)).toBe(fault);
  });

  it.each([
    "{}",
    "[]",
    " null ",
    "true",
    "-0.5e+3",
    '""',
    '{"a":[],"b":{}}',
    "[[1],[2]]",
    '"\\u00e4\\n\\/"',
    '"\x7f\u2028\u00a0\ufeff"',
    "\t[ 1 ,\r\n2 ]",
    '{"":0}',
    "1E5",
    '"' + "#'//“" + '"',
  ])("is none for %j", (text) => {
    expect(() => JSON.parse(text)).not.toThrow();
    expect(jsonFault(text)).toBeUndefined();
  });

  it("is found in what one changed, lost or added character makes of a configuration", () => {
    const good = '{"a": [1, {"b": "c\\n"}, -2.5e3, true], "d": {"e": null}}';
    const characters = [...new Set(`${good}x'#/`)];
    for (let at = 0; at <= good.length; at++) {
      for (const put of ["", ...characters]) {
        for (const more of [0, 1]) {
          const text = good.slice(0, at) + put + good.slice(at + more);
          expect(`${text} ${jsonFault(text) === undefined}`).toBe(`${text} ${isJson(text)}`);
        }
      }
    }
  });

  it("is not looked for without end", () => {
    const text = `[${"1,".repeat(1_000_000)}]`;
    expect(jsonFault(text)).toBe(
      "line 1, column 200001: it is no JSON somewhere behind this place",
    );
  });

  it("is its depth, should the engine's stack end", () => {
    expect(jsonFault("[".repeat(2_000_000))).toBe("line 1, column 20002: it is nested too deeply");
    expect(jsonFault("[".repeat(20_000) + "]".repeat(20_000))).toBeUndefined();
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("the fault of bytes that are not UTF-8", () => {
  it.each([
    [[0xff, 0xfe, 0x7b, 0], "it is UTF-16: save it as UTF-8"],
    [[0xfe, 0xff, 0, 0x7b], "it is UTF-16: save it as UTF-8"],
    [[0x7b, 0x0a, 0x22, 0xe4, 0x22], "line 2: it is not UTF-8, byte 4 is 0xe4"],
    [[0x22, 0xc3, 0xa4, 0x80], "line 1: it is not UTF-8, byte 4 is 0x80"],
    [[0x22, 0xed, 0xa0, 0x80], "line 1: it is not UTF-8, byte 2 is 0xed"],
    [[0xc0, 0x80], "line 1: it is not UTF-8, byte 1 is 0xc0"],
    [[0x22, 0xf0, 0x9f, 0x98, 0x80, 0xf5], "line 1: it is not UTF-8, byte 6 is 0xf5"],
    [[0x22, 0xe2, 0x82], "line 1: it is not UTF-8, byte 2 is 0xe2"],
  ])("%j: %s", (bytes, fault) => {
    expect(jsonFault(Uint8Array.from(bytes))).toBe(fault);
  });
});
