import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { completionTarget } from "../../../src/cli/completion/target.ts";

const targetOf = (line: string) => completionTarget(line, COMMANDS);

describe("what a command line completes", () => {
  test.each([
    ["petit status ", "RUN", ""],
    ["petit status 9a7", "RUN", "9a7"],
    ["/usr/bin/petit  cancel  x", "RUN", "x"],
    ["petit --url http://a:1 status ", "RUN", ""],
    ["petit status --url http://a:1 ", "RUN", ""],
    ["petit -n 3 runs he", "JOB", "he"],
    ["petit logs latest --follow ex", "TASK", "ex"],
    ["petit logs latest -n5 ex", "TASK", "ex"],
    ["petit logs latest --task ", "--task", ""],
    ["petit runs --before ", "--before", ""],
    ["petit runs hello --status fa", "--status", "fa"],
    ["petit trigger ", "JOBS_DIR|JOB", ""],
    ["petit trigger jobs h", "JOB", "h"],
    ["petit trigger hello -p ", "--param", ""],
    ["petit next jobs --count 3 h", "JOB", "h"],
    ["petit why why", "JOB", "why"],
  ])("%j completes %s with %j written", (line, name, written) => {
    expect(targetOf(line)).toMatchObject({ name, written });
  });

  test.each([
    "",
    "petit",
    "petit ",
    "petit sta",
    "petit status",
    "petit status --fo",
    "petit status a b ",
    "petit nope ",
  ])("%j is left to the shell", (line) => {
    expect(targetOf(line)).toBeNull();
  });

  test("depends on what was written before", () => {
    const target = targetOf("petit --url http://a:1 logs latest --token-file=t --url http://b:2 --stream std");
    expect(target?.name).toBe("--stream");
    expect(Object.fromEntries(target?.before ?? [])).toEqual({ RUN: "latest" });
    expect(Object.fromEntries(target?.flags ?? [])).toEqual({
      url: ["http://a:1", "http://b:2"],
      "token-file": ["t"],
    });
  });
});
