import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { oomScoreOf } from "../../../src/engine/attempt/oom-score.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";

test.each([
  ["of 8 GiB", 0, 8 * 2 ** 30, 47],
  ["of 512 MiB", 0, 512 * 2 ** 20, 750],
  ["smaller than petit", 0, 128 * 2 ** 20, 1_000],
  ["of 8 GiB, if petit is protected", -900, 8 * 2 ** 30, -853],
  ["of 8 GiB, if petit is the first to go", 1_000, 8 * 2 ** 30, 1_000],
])("on a machine %s, a task is killed as if it also used what petit may use", (_, own, memory, expected) => {
  expect(oomScoreOf(own, memory)).toBe(expected);
});

test.skipIf(process.platform !== "linux").each([
  ["a task", ""],
  ["a task that reopens its output", "echo x > /dev/stderr; "],
])("%s has a higher score than petit and than the shell that records its exit", async (_, first) => {
  const script = `${first}cat /proc/$$/oom_score_adj /proc/$PPID/oom_score_adj`;
  await using petit = await startEngine({ jobs: [job("one", { tasks: [shell("t", script)] })] });
  const own = Number(readFileSync("/proc/self/oom_score_adj", "utf8"));
  const [task, wrapper] = (await petit.run("one")).output().match(/-?\d+/g)?.map(Number) ?? [];
  expect(wrapper).toBe(own);
  expect(task).toBeGreaterThan(own);
});
