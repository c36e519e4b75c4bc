import { expect, test } from "bun:test";
import { findUnenforced, type LimitSupport } from "../../../src/domain/limits/unenforced.ts";
import { unenforcedText } from "../../../src/domain/words/task.ts";
import { http, job, jobId, shell } from "../../support/engine/factories.ts";

const GAP = { reason: "this machine has cgroup v1", advice: "use another" };
const NOTHING: LimitSupport = { enforced: [], gap: GAP };
const MEMORY = { memoryBytes: 2 ** 30 };

test("jobs with limits that are not enforced are found, and which limits those are", () => {
  const jobs = [
    job("plain", { tasks: [shell("a", "x", { limits: { nice: 5, io: "idle" } })] }),
    job("etl", { tasks: [shell("a", "x", { limits: { pids: 5 } }), shell("b", "x", { limits: MEMORY })] }),
    job("remote", { tasks: [shell("a", "x", { limits: MEMORY, runsOn: ["gpu"] })] }),
    job("accepts", { tasks: [shell("a", "x", { limits: { ...MEMORY, enforce: "best_effort" } })] }),
  ];
  expect(findUnenforced(jobs, { defaults: {}, support: NOTHING })).toEqual({
    ...GAP,
    jobs: [{ jobId: jobId("etl"), limits: ["memory", "pids"] }],
  });
  const some: LimitSupport = { enforced: ["memory", "cpus"], gap: GAP };
  expect(findUnenforced(jobs, { defaults: {}, support: some })?.jobs.map(({ limits }) => limits)).toEqual([["pids"]]);
  const all: LimitSupport = { enforced: ["memory", "cpus", "pids"], gap: null };
  expect(findUnenforced(jobs, { defaults: {}, support: all })).toBeNull();
});

test("defaults count for jobs without limits, but not for requests", () => {
  const jobs = [job("plain", { tasks: [shell("a", "x")] }), job("request", { tasks: [http("a", "http://x/")] })];
  const found = findUnenforced(jobs, { defaults: { cpus: 1 }, support: NOTHING });
  expect(found?.jobs.map(({ limits }) => limits)).toEqual([["cpus"]]);
  expect(findUnenforced(jobs, { defaults: {}, support: NOTHING })).toBeNull();
});

test("the sentence names at most three jobs", () => {
  const { reason } = GAP;
  const text = (jobIds: readonly string[], limits: readonly string[]) =>
    unenforcedText({ count: jobIds.length, jobIds, limits, reason });
  expect(text(["a"], ["memory"])).toBe("memory of job 'a' is not enforced, because this machine has cgroup v1");
  expect(text(["a", "b"], ["memory", "pids"])).toBe(
    "memory and pids of jobs 'a' and 'b' are not enforced, because this machine has cgroup v1",
  );
  expect(text(["a", "b", "c", "d", "e"], ["cpus"])).toContain("cpus of 5 jobs ('a', 'b', 'c' and 2 more) are not");
});
