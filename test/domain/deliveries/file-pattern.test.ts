import { expect, test } from "bun:test";
import { compileFilePattern, whyNotFilePattern } from "../../../src/domain/deliveries/file-pattern.ts";

test.each([
  ["/srv/in/*.csv", "/srv/in", ["a.csv", "b"], ["a.csv"], []],
  ["in/*.csv", "/jobs/in", ["a.csv", "sub/a.csv"], ["a.csv"], []],
  ["./in//*.csv", "/jobs/in", ["a.csv"], ["a.csv"], []],
  ["../in/*.{csv,txt}", "/in", ["a.csv", "a.txt", "a.md"], ["a.csv", "a.txt"], []],
  ["/srv/../data/*/x?.csv", "/data", ["x1.csv", "a/x1.csv", "a/b/x1.csv"], ["a/x1.csv"], ["a", "one.csv"]],
  ["/srv/**/*.csv", "/srv", ["a.csv", "a/b/c.csv"], ["a.csv", "a/b/c.csv"], ["a", "a/b", "one.csv", "one.csv/x"]],
  [
    "/srv/in/one.csv",
    "/srv/in",
    ["one.csv", "two.csv", "one.csv/x"],
    ["one.csv", "one.csv/x"],
    ["one.csv", "one.csv/x"],
  ],
  ["/*.csv", "/", ["a.csv"], ["a.csv"], []],
] as const)("a pattern %s looks in %s", (pattern, folder, paths, matching, reached) => {
  const compiled = compileFilePattern(pattern, "/jobs");
  const namesOf = (path: string) => path.split("/");
  expect(compiled.folder).toBe(folder);
  expect(paths.filter((path) => compiled.matches(namesOf(path)))).toEqual([...matching]);
  expect(["a", "a/b", "one.csv", "one.csv/x"].filter((path) => compiled.reaches(namesOf(path)))).toEqual([...reached]);
});

test("patterns for the same files have the same id", () => {
  expect(compileFilePattern("in/../in/*.csv", "/jobs").id).toBe(compileFilePattern("/jobs/in/*.csv", "/x").id);
});

test.each([
  ["/srv/${{ x }}/*.csv", "templates are not expanded here"],
  ["~/in/*.csv", "'~' is not expanded here"],
  ["!in/*.csv", "excludes files"],
  ["/", "names no file"],
  ["in/*/../x", "has '..' behind a wildcard"],
  ["in/.*", "names that begin with a dot never match"],
  ["in/**/.git/x", "names that begin with a dot never match"],
  ["in/.env", "names that begin with a dot never match"],
])("a pattern %s is refused", (pattern, problem) => {
  expect(whyNotFilePattern(pattern)).toContain(problem);
});

test.each(["/srv/.in/*.csv", "../in/*.csv", "./in/*", "in/a.csv"])("a pattern %s is accepted", (pattern) => {
  expect(whyNotFilePattern(pattern)).toBeNull();
});
