import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { MAX_OUTPUTS_BYTES, parseOutputs, readOutputs } from "../../../src/engine/attempt/outputs-file.ts";
import { measureCpu } from "../../support/cpu-time.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("parseOutputs", () => {
  test.each([
    ["", {}],
    ["rows=42", { rows: "42" }],
    ["rows=42\n", { rows: "42" }],
    ["rows=42\r\n", { rows: "42" }],
    ["a=1\nb=2\n", { a: "1", b: "2" }],
    ["a=1\n\n  \nb=2", { a: "1", b: "2" }],
    ["a=1\na=2\n", { a: "2" }],
    ["empty=", { empty: "" }],
    ["a=b=c", { a: "b=c" }],
    ["a=x<<y", { a: "x<<y" }],
    ["a= 1 ", { a: " 1 " }],
    ["text<<EOF\none\ntwo\nEOF\n", { text: "one\ntwo" }],
    ["text<<EOF\nEOF", { text: "" }],
    ["text<<EOF\n\nEOF", { text: "" }],
    ["text<<A\nx=1\nB\nA\ny=2", { text: "x=1\nB", y: "2" }],
    ["text<<EOF\r\none\r\ntwo\r\nEOF\r\nrows=1\r\n", { text: "one\ntwo", rows: "1" }],
    ["text<<EOF\none\r\nEOF\n", { text: "one\r" }],
    ["text<<EOF\r\none\r\r\ntwo\nEOF", { text: "one\r\ntwo" }],
    ["text<<=\n1\n=\n", { text: "1" }],
    ["a-b.c_D1=x", { "a-b.c_D1": "x" }],
    ["ünits=3", null],
    ["__proto__=x", Object.fromEntries([["__proto__", "x"]])],
  ] as const)("reads %j", (text, expected) => {
    const { outputs, problem } = parseOutputs(text);
    if (expected === null) expect(problem).toContain("expected key=value or key<<END");
    else expect({ outputs, problem }).toEqual({ outputs: expected as Record<string, string>, problem: null });
  });

  test.each([
    ["just words", 'line 1 of $PETIT_OUTPUT is "just words"; expected key=value or key<<END'],
    ["a=1\n=2", 'line 2 of $PETIT_OUTPUT is "=2"'],
    ["1a=2", 'line 1 of $PETIT_OUTPUT is "1a=2"'],
    ["a b=2", 'line 1 of $PETIT_OUTPUT is "a b=2"'],
    ["text<<EOF\none", "the block 'text' in $PETIT_OUTPUT has no end: expected a line \"EOF\""],
    ["text<<\none\n", "the block 'text' in $PETIT_OUTPUT has no end"],
    ["text<<EOF\nEOF ", "the block 'text' in $PETIT_OUTPUT has no end"],
    ["x".repeat(1_000), `"${"x".repeat(80)}…"`],
  ])("refuses %j", (text, problem) => {
    const parsed = parseOutputs(text);
    expect(parsed.problem).toContain(problem);
    expect(parsed.outputs).toEqual({});
  });

  test("takes time in proportion to the text, however many blocks it has", () => {
    const text = "a<<b\nb\n".repeat(MAX_OUTPUTS_BYTES / 7);
    const cpuMs = measureCpu();
    expect(parseOutputs(text)).toEqual({ outputs: { a: "" }, problem: null });
    expect(cpuMs()).toBeLessThan(5_000);
  });

  test("returns any text that was written as blocks", () => {
    const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,10}$/);
    const value = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\r"));
    fc.assert(
      fc.property(fc.dictionary(key, value), (given) => {
        const end = "some_end_that_is_in_no_value";
        const text = Object.entries(given).map(([name, each]) => `${name}<<${end}\n${each}\n${end}\n`);
        expect(parseOutputs(text.join(""))).toEqual({ outputs: given, problem: null });
      }),
    );
  });
});

describe("readOutputs", () => {
  test("returns no outputs for a missing file", () => {
    expect(readOutputs("/no/such/file")).toEqual({ outputs: {}, problem: null });
  });

  test("accepts 1 MiB and refuses more", async () => {
    using dir = tempDir();
    const path = dir.file("outputs");
    const fitting = `a=${"x".repeat(MAX_OUTPUTS_BYTES - 2)}`;
    writeFileSync(path, fitting);
    expect(readOutputs(path).outputs.a).toHaveLength(MAX_OUTPUTS_BYTES - 2);
    writeFileSync(path, `${fitting}x`);
    expect(readOutputs(path)).toEqual({
      outputs: {},
      problem: "the task wrote 1048577 bytes to $PETIT_OUTPUT; the limit is 1048576",
    });
  });

  test.each<[string, string, readonly string[]]>([
    ["a folder", "mkdir", []],
    ["a pipe, without blocking", "mkfifo", []],
    ["a link", "ln", ["-s", "/etc/passwd"]],
  ])("refuses %s", async (_, make, args) => {
    using dir = tempDir();
    execFileSync(make, [...args, dir.file("outputs")]);
    expect(readOutputs(dir.file("outputs")).problem).toContain("$PETIT_OUTPUT is not a regular file");
  });
});
