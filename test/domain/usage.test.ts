import { describe, expect, test } from "bun:test";
import { areLimitsEnforced, totalUsage, type Usage } from "../../src/domain/usage.ts";
import { cpuText, memoryText } from "../../src/domain/words/limits/usage.ts";

const MIB = 2 ** 20;

const used = (cpuUserMs: number, peakMib: number | null, limitMib: number | null = null) => ({
  usage: {
    cpuUserMs,
    cpuSystemMs: 1,
    memoryPeakBytes: peakMib === null ? null : peakMib * MIB,
    source: "wait",
  } satisfies Usage,
  memoryLimitBytes: limitMib === null ? null : limitMib * MIB,
});

const UNMEASURED = { usage: null, memoryLimitBytes: 512 * MIB };

describe("the total usage", () => {
  test("is not known if nothing was measured", () => {
    expect(totalUsage([])).toBeNull();
    expect(totalUsage([UNMEASURED])).toBeNull();
  });

  test("has the sum of CPU times, and the largest peak with the limit of its attempt", () => {
    expect(totalUsage([used(5, 100, 128), UNMEASURED, used(7, 300), used(9, null, 64)])).toEqual({
      cpuUserMs: 21,
      cpuSystemMs: 3,
      memoryPeakBytes: 300 * MIB,
      memoryLimitBytes: null,
    });
    expect(totalUsage([used(5, 100, 128), used(7, 90)])).toMatchObject({ memoryLimitBytes: 128 * MIB });
  });

  test("has no limit without a peak", () => {
    expect(totalUsage([used(5, null, 128)])).toMatchObject({ memoryPeakBytes: null, memoryLimitBytes: null });
  });
});

test("limits are enforced if those of all attempts that have some are", () => {
  const all = (...given: readonly (boolean | null)[]) =>
    areLimitsEnforced(given.map((limitsEnforced) => ({ limitsEnforced })));
  expect([all(), all(null), all(true, null), all(null, true), all(true, false, true), all(false)]).toEqual([
    null,
    null,
    true,
    true,
    false,
    false,
  ]);
});

test.each([
  [480, 512, "480 of 512 MiB"],
  [480.25, 512, "480.3 of 512 MiB"],
  [300, 2048, "300 MiB of 2 GiB"],
  [1536, 2048, "1.5 of 2 GiB"],
  [7.5, null, "7.5 MiB"],
  [null, 512, null],
])("a peak of %p MiB with a limit of %p MiB is %p", (peakMib, limitMib, text) => {
  const peak = peakMib === null ? null : Math.round(peakMib * MIB);
  const usage = { cpu_user_ms: 0, cpu_system_ms: 0, memory_peak_bytes: peak };
  expect(memoryText(usage, limitMib === null ? null : limitMib * MIB)).toBe(text);
});

test("CPU time is that of program and system", () => {
  expect(cpuText({ cpu_user_ms: 1_200, cpu_system_ms: 340, memory_peak_bytes: null })).toBe("1.5s");
  expect(cpuText(null)).toBeNull();
});
