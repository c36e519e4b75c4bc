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

  test("are few: the oldest make room", () => {
    for (let index = 0; index < 9; index++) keepDraft(`${index}.yaml`, draft("text"));
    expect(readDraft("0.yaml")).toBeNull();
    expect(readDraft("1.yaml")).toEqual(draft("text"));
  });

  test("are short: one that is too long is not kept, nor what was kept before of the same file", () => {
    keepDraft("a.yaml", draft("short"));
    expect(keepDraft("a.yaml", draft("x".repeat(400_001)))).toBe(false);
    expect(readDraft("a.yaml")).toBeNull();
    expect(keepDraft("a.yaml", { ...draft("x".repeat(200_001)), aside: "x".repeat(200_000) })).toBe(false);
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
