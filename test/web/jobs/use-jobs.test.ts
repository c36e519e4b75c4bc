import "../../support/web/globals.ts";
import { describe, expect, test } from "bun:test";
import { upToDate } from "../../../src/web/jobs/use-jobs.ts";

const run = (id: string, status: "running" | "completed", duration_ms: number | null) => ({
  id,
  status,
  trigger: "manual" as const,
  started_at: 1,
  duration_ms,
});
const last = (id: string, status: "running" | "completed", duration_ms: number | null) => ({
  ...run(id, status, duration_ms),
  ended_at: null,
});

describe("the newest runs of a job in the list", () => {
  test("stay the same if the last run agrees", () => {
    const runs = [run("a", "completed", 5)];
    expect(upToDate(runs, last("a", "completed", 5))).toBe(runs);
    expect(upToDate(runs, null)).toBe(runs);
  });

  test("are updated from a last run that is newer", () => {
    const runs = [run("a", "running", null)];
    expect(upToDate(runs, last("a", "completed", 5))).toMatchObject([{ id: "a", status: "completed", duration_ms: 5 }]);
    expect(upToDate(runs, last("b", "running", null)).map(({ id }) => id)).toEqual(["a", "b"]);
    const many = Array.from({ length: 30 }, (_, at) => run(`a${at + 10}`, "completed", 5));
    expect(upToDate(many, last("b", "running", null))).toHaveLength(30);
  });

  test("ignore a last run from an older answer", () => {
    const runs = [run("a", "completed", 5), run("b", "completed", 5)];
    expect(upToDate(runs, last("b", "running", null))).toBe(runs);
    expect(upToDate([run("b", "running", null)], last("a", "completed", 5)).map(({ id }) => id)).toEqual(["b"]);
  });
});
