import { describe, expect, test } from "bun:test";
import { compileArtifactPattern, whyNotArtifactPattern } from "../../../src/domain/artifact/pattern.ts";

describe("a pattern of artifacts", () => {
  test.each(["out/*.csv", "report.html", "**/*.log", "a..b/..c", "out/", ".", "{a,b}/c", "[ab].txt", ".config/*"])(
    "may be %s",
    (pattern) => {
      expect(whyNotArtifactPattern(pattern)).toBeNull();
    },
  );

  test.each([
    ["/etc/passwd", "absolute"],
    ["../x", "'..'"],
    ["a/../b", "'..'"],
    ["a/..", "'..'"],
    ["..", "'..'"],
    ["{..,a}/x", "'..'"],
    ["a/{b/..,c}", "'..'"],
    ["(a|..)/x", "'..'"],
    ["\\../x", "'..'"],
    ["!a", "excludes"],
    ["${{ params.x }}/a", "templates"],
  ])("may not be %s", (pattern, why) => {
    expect(whyNotArtifactPattern(pattern)).toContain(why);
  });

  test.each([
    ["out/*.csv", "out/a.csv", "out/deep/a.csv"],
    ["out/**/*.csv", "out/deep/deeper/a.csv", "in/a.csv"],
    ["out/**", "out/a", "a"],
    ["./out//*.csv", "out/a.csv", "a.csv"],
    ["*/", "out/a/b", "a"],
    ["{a,b/c}/*", "b/c/d", "c/d"],
    ["*", "a", ".hidden"],
    [".*", ".hidden", "a"],
    ["a?.txt", "ab.txt", "a/.txt"],
  ])("%s matches %s, not %s", (pattern, match, other) => {
    const { matches } = compileArtifactPattern(pattern);
    expect([match, other].map(matches)).toEqual([true, false]);
  });

  test.each([
    ["out/*.csv", ["out"], 0],
    ["a/b/*/c*", ["a", "b"], 1],
    ["a/**/*.x", ["a"], Number.POSITIVE_INFINITY],
    ["*/", [], Number.POSITIVE_INFINITY],
    ["{a,b/c}/d", [], Number.POSITIVE_INFINITY],
    ["{a,b}/d", [], 1],
  ])("%s is searched from %p, %p folders deep", (pattern, base, maxDepth) => {
    expect(compileArtifactPattern(pattern)).toMatchObject({ base, maxDepth, name: null });
  });
});
