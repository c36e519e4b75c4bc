import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LineSplitter } from "../../../src/engine/output/line-splitter.ts";
import { isTooShort, maskOf, TotalMask } from "../../../src/engine/secrets/mask.ts";

const hide = (secrets: readonly string[], text: string): string => maskOf(secrets)?.text(text) ?? text;

describe("a mask", () => {
  test.each<[string, readonly string[], string, string]>([
    ["a secret", ["s3cret"], "a s3cret b", "a *** b"],
    ["a secret several times", ["s3cret"], "s3crets3cret s3cret", "****** ***"],
    ["several secrets", ["alpha", "omega"], "alpha and omega", "*** and ***"],
    ["a secret inside of another", ["secret", "my-secret-key"], "my-secret-key secret", "*** ***"],
    ["overlapping secrets as one", ["abcdef", "defghi"], "abcdefghi", "***"],
    ["each line of a secret", ["first\nsecond\r\nthird"], "third second first", "*** *** ***"],
    ["a secret with spaces around it, and without them", ["  padded "], "[  padded ] [padded]", "[***] [***]"],
    ["characters of several bytes", ["pässwörd"], "der pässwörd", "der ***"],
    ["a secret with an escape sequence inside", ["s3cret-key"], "a s3cret\u001b[0m-key b", "a *** b"],
    ["a secret whose characters are coloured", ["s3cret"], [..."s3cret"].join("\u001b[1m"), "***"],
    ["a secret with a title of a terminal inside", ["s3cret"], "s3\u001b]0;x\u0007cret.", "***."],
    ["no escape sequence beside a secret", ["s3cret"], "\u001b[1ms3cret\u001b[0m", "\u001b[1m***\u001b[0m"],
    [
      "nothing else in coloured output",
      ["s3cret"],
      "\u001b[31merror\u001b[0m: s3 cret",
      "\u001b[31merror\u001b[0m: s3 cret",
    ],
  ])("hides %s", (_, secrets, text, expected) => {
    expect(hide(secrets, text)).toBe(expected);
  });

  const [U, KEY, DEL] = ["ü", "\u{1f511}", "\u007f"];
  const SECRET = `h"e\\ad<er&x/${U}+ \t${KEY}${DEL}`;
  test.each<[string, string]>([
    ["JavaScript", String.raw`h\"e\\ad<er&x/${U}+ \t${KEY}${DEL}`],
    ["Python", String.raw`h\"e\\ad<er&x/\u00fc+ \t\ud83d\udd11\u007f`],
    ["Java", String.raw`h\"e\\ad<er&x/\u00FC+ \t\uD83D\uDD11\u007F`],
    ["Go", String.raw`h\"e\\ad\u003cer\u0026x/${U}+ \t${KEY}${DEL}`],
    ["PHP", String.raw`h\"e\\ad<er&x\/\u00fc+ \t\ud83d\udd11${DEL}`],
    ["PHP without Unicode escapes", String.raw`h\"e\\ad<er&x\/${U}+ \t${KEY}${DEL}`],
    [".NET", String.raw`h\u0022e\\ad\u003Cer\u0026x/\u00FC\u002B \t\uD83D\uDD11\u007F`],
  ])("hides a secret in JSON of %s", (_, form) => {
    expect(JSON.parse(`"${form}"`)).toBe(SECRET);
    expect(hide([SECRET], `{"key":"${form}"}`)).toBe('{"key":"***"}');
  });

  test("hides each line of a secret in JSON", () => {
    const secret = 'first "line"\nsecond "line"\r\n';
    expect(hide([secret], JSON.stringify({ secret }))).toBe(String.raw`{"secret":"***\n***\r\n"}`);
  });

  test.each([
    ["encodeURIComponent", "p%C3%A4ss%2Fw%20rd(1)*~"],
    ["curl", "p%C3%A4ss%2Fw%20rd%281%29%2A~"],
    ["quote of Python", "p%C3%A4ss/w%20rd%281%29%2A~"],
    ["a form of a browser", "p%C3%A4ss%2Fw+rd%281%29*%7E"],
    ["a form of Go", "p%C3%A4ss%2Fw+rd%281%29%2A~"],
  ])("hides a secret in a URL of %s", (_, form) => {
    expect(hide(["päss/w rd(1)*~"], `https://host/?key=${form}&x`)).toBe("https://host/?key=***&x");
  });

  test("hides the beginning of an escaped secret at the end of an output", () => {
    const mask = maskOf(['correct"horse']);
    expect(Buffer.from(mask?.lastBytes(Buffer.from('x correct\\"ho')) ?? []).toString()).toBe("x ***");
  });

  test("searches for nothing else if a secret has only letters and digits", () => {
    expect(maskOf(["s3cret"])?.maxBytes).toBe(6);
  });

  test("hides a line of a secret of the maximum size", () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => `${String(index).padStart(5, "0")}"ü</x`);
    expect(hide([lines.join("\n")], `${JSON.stringify(lines[4_999])} ${lines[7]}`)).toBe('"***" ***');
  });

  test("hides a secret as it is beside its escaped form", () => {
    expect(hide(['a"secret', "plain"], 'a"secret plain a\\"secret a"secret')).toBe("*** *** *** ***");
  });

  test("does not hide values and lines under 4 characters", () => {
    expect(maskOf(["abc", "1\n2\n{", "äöü"])).toBeNull();
    expect(hide(["abc\nlonger"], "abc longer")).toBe("abc ***");
    expect([isTooShort("abc"), isTooShort("abcd"), isTooShort("a\nb")]).toEqual([true, false, true]);
  });

  test("returns bytes without a secret as they are", () => {
    const bytes = Buffer.from([0, 255, 254, 10]);
    expect(maskOf(["s3cret"])?.bytes(bytes)).toBe(bytes);
  });

  test("hides the beginning of a secret with an escape sequence inside at the end of an output", () => {
    const bytes = Buffer.from("a s3cret\u001b[0m-k");
    expect(Buffer.from(maskOf(["s3cret-key"])?.lastBytes(bytes) ?? []).toString()).toBe("a ***");
  });

  test("hides the beginning of a secret at the end of an output", () => {
    const mask = maskOf(["correct-horse"]);
    expect(Buffer.from(mask?.lastBytes(Buffer.from("x correct-ho")) ?? []).toString()).toBe("x ***");
    expect(Buffer.from(mask?.lastBytes(Buffer.from("x cor")) ?? []).toString()).toBe("x cor");
  });
});

test("a long line is never split inside a secret, wherever its pieces end", () => {
  const secret = fc.string({ unit: fc.constantFrom("a", "b", '"', "ü"), minLength: 8, maxLength: 16 });
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(fc.nat(5), fc.constantFrom("-", "--------", "abc")), { maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (secrets, parts, sizes) => {
        const mask = maskOf(secrets);
        if (mask === null) throw new Error("no mask");
        const written = secrets.flatMap((each) => [each, JSON.stringify(each).slice(1, -1)]);
        const text = parts.map((part) => (typeof part === "number" ? (written[part] ?? "-") : part)).join("-");
        const splitter = new LineSplitter(2 * mask.maxBytes, (bytes, at) => mask.boundary(bytes, at));
        const bytesOfText = Buffer.from(text);
        let shown = "";
        for (let at = 0; at < bytesOfText.length; ) {
          const size = sizes.next().value ?? 1;
          for (const { bytes } of splitter.push(bytesOfText.subarray(at, at + size)))
            shown += Buffer.from(mask.bytes(bytes)).toString();
          at += size;
        }
        const rest = splitter.flush();
        if (rest !== null) shown += Buffer.from(mask.bytes(rest.bytes)).toString();
        expect(shown).toBe(mask.text(text));
      },
    ),
    { numRuns: 500 },
  );
});

test("a mask for unknown secrets hides every line and gives the reason once", () => {
  const mask = new TotalMask("the variable KEY is not set");
  const reason = "[petit: the output from here on is hidden: the variable KEY is not set]";
  expect(Buffer.from(mask.bytes(Buffer.from("a\nb\n"))).toString()).toBe(`${reason}\n***\n`);
  expect(Buffer.from(mask.lastBytes(Buffer.from("c\nd"))).toString()).toBe("***\n***");
  expect(mask.text()).toBe("***");
});
