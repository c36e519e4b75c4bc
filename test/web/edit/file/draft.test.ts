import "../../../support/web/globals.ts";
import { beforeEach, describe, expect, test } from "bun:test";
import { draftPaths } from "../../../../src/web/edit/draft-paths.ts";
import { type KeptDraft, keepDraft, readDraft } from "../../../../src/web/edit/file/draft.ts";

const draft = (text: string): KeptDraft => ({ text, base: "d1", aside: null });

beforeEach(() => sessionStorage.clear());

describe("the drafts of a tab", () => {
  test("are kept for each file, and removed", () => {
    expect(readDraft("a.yaml")).toBeNull();
    expect(keepDraft("a.yaml", draft("one"))).toBe(true);
    keepDraft("b.yaml", { text: "two", base: null, aside: "mine" });
    keepDraft("a.yaml", draft("three"));
    expect(readDraft("a.yaml")).toEqual(draft("three"));
    expect(readDraft("b.yaml")).toEqual({ text: "two", base: null, aside: "mine" });
    expect(draftPaths()).toEqual(["a.yaml", "b.yaml"]);
    expect(keepDraft("a.yaml", null)).toBe(true);
    expect(readDraft("a.yaml")).toBeNull();
    expect(draftPaths()).toEqual(["b.yaml"]);
  });

  test("make room for the newest, the oldest first", () => {
    const length = 2_400_000;
    for (const path of ["a.yaml", "b.yaml"]) expect(keepDraft(path, draft("x".repeat(length)))).toBe(true);
    expect(keepDraft("c.yaml", draft("x".repeat(length)))).toBe(true);
    expect(draftPaths()).toEqual(["c.yaml", "b.yaml"]);
    expect(readDraft("a.yaml")).toBeNull();
    expect(readDraft("b.yaml")?.text.length).toBe(length);
    expect(keepDraft("b.yaml", draft("y".repeat(length)))).toBe(true);
    expect(draftPaths()).toEqual(["b.yaml", "c.yaml"]);
  });

  test("may be two texts of the longest file", () => {
    const text = "- x: 'y'\n".repeat(2 ** 20 / 9);
    expect(keepDraft("a.yaml", { text, base: "d1", aside: text })).toBe(true);
    expect(readDraft("a.yaml")).toEqual({ text, base: "d1", aside: text });
  });

  test("are not kept if they are too long, nor what was kept before of the same file; the others stay", () => {
    keepDraft("a.yaml", draft("short"));
    keepDraft("b.yaml", draft("other"));
    expect(keepDraft("a.yaml", draft("x".repeat(4_000_000)))).toBe(false);
    expect(readDraft("a.yaml")).toBeNull();
    expect(draftPaths()).toEqual(["b.yaml"]);
    expect(readDraft("b.yaml")).toEqual(draft("other"));
  });

  test.each(["{", "{}", "[1]", "null", '{"text": 1, "base": null, "aside": null}'])(
    "are none if something else is stored: %s",
    (stored) => {
      sessionStorage.setItem("petit.drafts", stored);
      sessionStorage.setItem("petit.draft a.yaml", stored);
      expect(draftPaths()).toEqual([]);
      expect(readDraft("a.yaml")).toBeNull();
      keepDraft("a.yaml", draft("one"));
      expect(draftPaths()).toEqual(["a.yaml"]);
      expect(readDraft("a.yaml")).toEqual(draft("one"));
    },
  );
});
