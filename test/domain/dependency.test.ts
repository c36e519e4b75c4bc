import { describe, expect, test } from "bun:test";
import { type Dependency, shutGate, type Upstream } from "../../src/domain/dependency.ts";
import { type JobId, parseJobId } from "../../src/domain/ids.ts";
import { RUN_STATUSES, type RunStatus } from "../../src/domain/run.ts";
import { shutGateText } from "../../src/domain/words/gate.ts";

const other = parseJobId("other") as JobId;
const gate = (condition: Dependency["condition"], windowMs: number | null = null): Dependency => ({
  jobId: other,
  condition,
  windowMs,
});
const whyShut = (gate: Dependency, upstream: Upstream): string | null => {
  const shut = shutGate(gate, upstream, 0);
  return shut === null ? null : shutGateText(shut);
};
const opensFor = (condition: Dependency["condition"]): readonly RunStatus[] =>
  RUN_STATUSES.filter((newest) => shutGate(gate(condition), { newest, lastCompletedAt: null }, 0) === null);

describe("a gate on another job", () => {
  test("with last_success opens when its newest run completed", () => {
    expect(opensFor("last_success")).toEqual(["completed"]);
  });

  test("with last_complete opens when its newest run completed or failed", () => {
    expect(opensFor("last_complete")).toEqual(["completed", "failed"]);
  });

  test.each([
    [900, 100, true],
    [899, 100, false],
    [1_000, 0, true],
  ])(
    "with within_window, now 1000, a run completed at %p and a window of %p ms, is open: %p",
    (endedAt, windowMs, open) => {
      const upstream = { newest: "failed", lastCompletedAt: endedAt } as const;
      expect(shutGate(gate("within_window", windowMs), upstream, 1_000) === null).toBe(open);
    },
  );

  test("says why it is closed and names the job", () => {
    const never = { newest: null, lastCompletedAt: null };
    const failed = { newest: "failed", lastCompletedAt: null } as const;
    expect(whyShut(gate("last_success"), never)).toBe("'other' has never run, but its last run must be completed");
    expect(whyShut(gate("last_success"), failed)).toBe(
      "the last run of 'other' failed, but its last run must be completed",
    );
    expect(whyShut(gate("last_complete"), never)).toContain("completed or failed");
    expect(whyShut(gate("within_window", 60_000), never)).toBe("'other' has no completed run in the last 1m");
  });

  test("that is shut has the status of the other job's newest run", () => {
    const shut = { ...gate("last_success"), newestStatus: "failed" } as const;
    expect(shutGate(gate("last_success"), { newest: "failed", lastCompletedAt: null }, 0)).toEqual(shut);
    expect(shutGate(gate("last_success"), { newest: null, lastCompletedAt: null }, 0)?.newestStatus).toBeNull();
  });

  test("throws for an unknown condition", () => {
    const unknown = { ...gate("last_success"), condition: "sometimes" } as unknown as Dependency;
    expect(() => shutGate(unknown, { newest: null, lastCompletedAt: null }, 0)).toThrow("unexpected value");
  });
});
