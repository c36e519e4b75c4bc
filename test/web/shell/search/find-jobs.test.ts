import { expect, test } from "bun:test";
import { findJobs } from "../../../../src/web/shell/search/find-jobs.ts";

const job = (id: string, name = id, formerly: readonly string[] = []) => ({ id, name, formerly: [...formerly] });

const JOBS = [
  job("nightly_report", "Nightly Report"),
  job("report", "Report"),
  job("reporter"),
  job("unreported"),
  job("import_rows", "Import Rows", ["fetch_rows"]),
];

test.each([
  ["report", ["report", "reporter", "nightly_report", "unreported"]],
  ["  REPORT ", ["report", "reporter", "nightly_report", "unreported"]],
  ["rows", ["import_rows"]],
  ["fetch", ["import_rows"]],
  ["", []],
  ["   ", []],
  ["none of them", []],
])("findJobs for %j returns the best match first", (text, ids) => {
  expect(findJobs(JOBS, text).map(({ id }) => id)).toEqual(ids);
});

test("findJobs returns at most eight jobs", () => {
  const many = Array.from({ length: 50 }, (_, index) => job(`job_${index}`));
  expect(findJobs(many, "job")).toHaveLength(8);
});
