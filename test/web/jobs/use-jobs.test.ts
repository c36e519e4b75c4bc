import "../../support/web-globals.ts";
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
  test("are as they were told, where its last run says the same", () => {
    const runs = [run("a", "completed", 5)];
    expect(upToDate(runs, last("a", "completed", 5))).toBe(runs);
    expect(upToDate(runs, null)).toBe(runs);
  });

  test("learn of an end, or of a run, that nobody told of", () => {
    const runs = [run("a", "running", null)];
    expect(upToDate(runs, last("a", "completed", 5))).toMatchObject([{ id: "a", status: "completed", duration_ms: 5 }]);
    expect(upToDate(runs, last("b", "running", null)).map(({ id }) => id)).toEqual(["a", "b"]);
    const many = Array.from({ length: 30 }, (_, at) => run(`a${at + 10}`, "completed", 5));
    expect(upToDate(many, last("b", "running", null))).toHaveLength(30);
  });

  test("don't go back to what a list said that was read before", () => {
    const runs = [run("a", "completed", 5), run("b", "completed", 5)];
    expect(upToDate(runs, last("b", "running", null))).toBe(runs);
    expect(upToDate([run("b", "running", null)], last("a", "completed", 5)).map(({ id }) => id)).toEqual(["b"]);
  });
});
