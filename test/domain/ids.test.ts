import { describe, expect, test } from "bun:test";
import { isName, newRunId, parseJobId, parseRunId, parseTaskId } from "../../src/domain/ids.ts";

describe("ids of jobs and tasks", () => {
  test.each(["a", "A9", "data_pipeline", "a.b-c_d", "0", "x".repeat(128)])("may be %p", (text) => {
    expect(isName(text)).toBe(true);
    expect(String(parseJobId(text))).toBe(text);
    expect(String(parseTaskId(text))).toBe(text);
  });

  test.each(["", " a", "a b", "-a", ".a", "_a", "a/b", "a\n", "é", "a\0", "../x", "x".repeat(129)])(
    "can't be %p",
    (text) => {
      expect(isName(text)).toBe(false);
      expect(parseJobId(text)).toBeNull();
      expect(parseTaskId(text)).toBeNull();
    },
  );
});

describe("ids of runs", () => {
  test("can be parsed after creation", () => {
    const id = newRunId(1_700_000_000_000);
    expect(parseRunId(id)).toBe(id);
  });

  test("can be upper case", () => {
    const id = newRunId(1_700_000_000_000);
    expect(parseRunId(id.toUpperCase())).toBe(id);
  });

  test("sort by creation time", () => {
    expect(newRunId(1) < newRunId(2)).toBe(true);
  });

  test.each(["", "1", "not-a-uuid", "018bcfe5-6800-7000-8000-00000000000", "018bcfe5-6800-7000-8000-0000000000000"])(
    "can't be %p",
    (text) => {
      expect(parseRunId(text)).toBeNull();
    },
  );
});
