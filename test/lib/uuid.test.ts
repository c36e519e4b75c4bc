import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { uuidv7 } from "../../src/lib/uuid.ts";

const instants = fc.nat({ max: 2 ** 48 - 1 });

describe("uuidv7", () => {
  test("has the form, the version and the variant of RFC 9562", () => {
    fc.assert(
      fc.property(instants, (at) => {
        expect(uuidv7(at)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }),
    );
  });

  test("begins with the time, so that ids sort by it", () => {
    fc.assert(
      fc.property(instants, (at) => {
        const id = uuidv7(at);
        expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(at);
      }),
    );
  });

  test("is unique", () => {
    expect(new Set(Array.from({ length: 1000 }, () => uuidv7(0))).size).toBe(1000);
  });
});
