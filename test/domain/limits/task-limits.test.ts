import { expect, test } from "bun:test";
import { mergeLimits, needsCgroup, needsRoot, parseIoClass } from "../../../src/domain/limits/task-limits.ts";

test("limits are merged one by one", () => {
  expect(mergeLimits({ memoryBytes: 1, nice: 5 }, { memoryBytes: 2, pids: 3 })).toEqual({
    memoryBytes: 2,
    nice: 5,
    pids: 3,
  });
  expect(mergeLimits(undefined, undefined)).toEqual({});
});

test("memory, processors and processes need a cgroup", () => {
  expect([{ memoryBytes: 1 }, { cpus: 1 }, { pids: 1 }].map(needsCgroup)).toEqual([true, true, true]);
  expect(needsCgroup({ nice: 19, io: "idle", enforce: "required" })).toBe(false);
});

test("a priority above the usual one needs root", () => {
  expect([{ nice: -1 }, { io: "realtime" as const }, { io: "realtime:7" as const }].map(needsRoot)).toEqual([
    true,
    true,
    true,
  ]);
  expect(needsRoot({ nice: 19, io: "best-effort:0" })).toBe(false);
  expect(needsRoot({})).toBe(false);
});

test("an I/O class may have a level from 0 to 7, except idle", () => {
  const texts = ["idle", "best-effort", "best-effort:0", "realtime:7"] as const;
  expect(texts.map(parseIoClass)).toEqual([...texts]);
  for (const text of ["", "idle:0", "best-effort:8", "best-effort:", "none", "realtime:07"])
    expect(parseIoClass(text)).toBeNull();
});
