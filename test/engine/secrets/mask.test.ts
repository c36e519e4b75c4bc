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
  ])("hides %s", (_, secrets, text, expected) => {
    expect(hide(secrets, text)).toBe(expected);
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

  test("hides the beginning of a secret at the end of an output", () => {
    const mask = maskOf(["correct-horse"]);
    expect(Buffer.from(mask?.lastBytes(Buffer.from("x correct-ho")) ?? []).toString()).toBe("x ***");
    expect(Buffer.from(mask?.lastBytes(Buffer.from("x cor")) ?? []).toString()).toBe("x cor");
  });
});

test("a long line is never split inside a secret, wherever its pieces end", () => {
  const secret = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 8, maxLength: 16 });
  fc.assert(
    fc.property(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.array(fc.oneof(fc.nat(2), fc.constantFrom("-", "--------", "abc")), { maxLength: 40 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (secrets, parts, sizes) => {
        const mask = maskOf(secrets);
        if (mask === null) throw new Error("no mask");
        const text = parts.map((part) => (typeof part === "number" ? (secrets[part] ?? "-") : part)).join("-");
        const splitter = new LineSplitter(2 * mask.maxBytes, (bytes, at) => mask.boundary(bytes, at));
        let shown = "";
        for (let at = 0; at < text.length; ) {
          const size = sizes.next().value ?? 1;
          for (const { bytes } of splitter.push(Buffer.from(text.slice(at, at + size))))
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
