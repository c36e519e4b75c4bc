import { expect, test } from "bun:test";
import { endedLine, outcomeLine } from "../../../src/cli/run-display/outcome.ts";
import type { Screen } from "../../../src/cli/terminal/terminal.ts";

const abilities = { isTerminal: false, color: false, movesCursor: false };
const SCREEN: Screen = { ...abilities, write: () => {}, columns: () => 80, rows: () => 24 };

test.each([
  ["completed", null, null, "✓ run r completed in 5ms"],
  ["failed", "exit_code", "task 't' failed: exit code 3", "✗ run r failed in 5ms: task 't' failed: exit code 3"],
  ["failed", "timeout", null, "✗ run r failed in 5ms: timeout"],
  ["cancelled", "cancelled", "cancelled", "■ run r cancelled in 5ms"],
  ["interrupted", "interrupted", "Run was interrupted", "! run r interrupted in 5ms: Run was interrupted"],
] as const)("reasonText for %s, %p and %p contains the cause once", (status, reason, error, expected) => {
  expect(outcomeLine({ id: "r", status, reason, error, durationMs: 5 }, SCREEN)).toBe(expected);
});

test("an outcome counts the failures that the job allows", () => {
  const ended = { id: "r", reason: null, error: null, durationMs: 5 };
  expect(outcomeLine({ ...ended, status: "completed", warnings: 2 }, SCREEN)).toBe(
    "✓ run r completed in 5ms, 2 warnings",
  );
  const failed = { ...ended, id: "lint", status: "failed", error: "exit code 3", allowed: true } as const;
  expect(endedLine(failed, SCREEN)).toBe("✗ lint failed in 5ms: exit code 3 (allowed)");
});
