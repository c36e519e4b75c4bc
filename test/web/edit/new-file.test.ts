import { describe, expect, test } from "bun:test";
import { newPath, newPathProblem, startingText } from "../../../src/web/edit/new-file.ts";

describe("a new job file", () => {
  test.each([
    [" backup ", "backup.yaml"],
    ["a/b.yml", "a/b.yml"],
    ["v1.2", "v1.2.yaml"],
    ["", ""],
  ])("with the name %j is %j", (typed, path) => {
    expect(newPath(typed)).toBe(path);
  });

  test.each([
    ["a.yaml", "a.yaml exists already"],
    ["b.yaml", null],
    ["", null],
    ["/etc/x.yaml", /within the folder/],
    ["a\\b.yaml", /within the folder/],
    ["../b.yaml", /begin with a dot/],
    ["a//b.yaml", /be empty/],
    [".b.yaml", /begin with a dot/],
  ])("at %j has the problem %p", (path, problem) => {
    const found = newPathProblem(path, ["a.yaml"]);
    if (problem instanceof RegExp) expect(found).toMatch(problem);
    else expect(found).toBe(problem);
  });

  test("has the text of the template, with its name as the id of the job", () => {
    expect(startingText("x/my-job.yaml", "# id: not this\nid: backup\nname: B\n")).toBe(
      "# id: not this\nid: my-job\nname: B\n",
    );
    expect(startingText("$&.yaml", "id: backup\n")).toBe("id: backup\n");
    expect(startingText("", "id: backup\n")).toBe("id: backup\n");
  });
});
