import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileSchedule } from "../../../../src/domain/schedule/schedule.ts";
import { readJobFile } from "../../../../src/jobfile/read/job-file.ts";
import CRONIE_TIMES from "../../../fixtures/crontabs/cronie-times.json" with { type: "json" };
import { FIXTURE_DIR, FIXTURES, goldenOf, translate } from "../../../support/crontabs.ts";

describe("the crontabs of real life", () => {
  test("are ten", () => {
    expect(FIXTURES.length).toBe(10);
  });

  test.each(FIXTURES)("%s becomes the job files in its golden file", (name) => {
    expect(goldenOf(name)).toBe(readFileSync(join(FIXTURE_DIR, `${name}.golden.yaml`), "utf8"));
  });

  test.each(FIXTURES)("%s becomes valid job files", (name) => {
    const read = translate(name).files.map(({ path, text }) => readJobFile({ file: path, folder: "/", text }));
    expect(read.flatMap(({ problems }) => problems)).toEqual([]);
    expect(read.every(({ jobs }) => jobs.length === 1)).toBe(true);
  });
});

/** The first and the end of the year that cronie ran in a machine with a clock of its own. */
const YEAR = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)] as const;

/** All days, or for lines that run often, the days around the changes of the clock. */
type Days = "year" | "changes";

describe.each(Object.entries(CRONIE_TIMES))("in %s", (zone, { changes, lines }) => {
  const spans = {
    year: [YEAR],
    changes: changes.map(([from = "", to = ""]) => [Date.parse(from), Date.parse(to)] as const),
  };
  test.each(Object.entries(lines))("%s is due when cronie runs it", (line, expected) => {
    const days = expected.days as Days;
    const times = spans[days].flatMap(([from, end]) => occurrences(line, { zone, from, end }));
    const sha256 = createHash("sha256").update(times.join(",")).digest("hex").slice(0, 16);
    expect({ days, count: times.length, sha256 }).toEqual({ ...expected, days });
  });
});

const occurrences = (place: string, { zone, from, end }: { zone: string; from: number; end: number }): number[] => {
  const schedule = compileSchedule(scheduleOf(place), zone);
  const times: number[] = [];
  for (let at = schedule.next(from - 1); at !== null && at < end; at = schedule.next(at)) times.push(at);
  return times;
};

/** Returns the schedule of the job that a line, such as `backups.user:7`, became. */
const scheduleOf = (place: string) => {
  const [name = "", line] = place.split(":");
  const { files, fates } = translate(name);
  const fate = fates.find((each) => String(each.line) === line && each.outcome === "job");
  const file = files.find(({ path }) => path === `${fate?.jobId}.yaml`);
  const schedule = readJobFile({ file: place, folder: "/", text: file?.text ?? "" }).jobs[0]?.schedule;
  // RANDOM_DELAY is a jitter, which schedules leave to the engine.
  if (schedule === null || schedule === undefined) throw new Error(`no schedule from ${place}`);
  return schedule;
};
