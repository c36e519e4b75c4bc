import { TEST_FILE } from "../../../jobfile/schema/test-file.ts";
import { fieldRows } from "../../commands/jobs/schema.ts";
import type { Topic } from "./topic.ts";

/** An example. A test runs it. */
export const EXAMPLE_TEST = `job: data_pipeline
tests:
  - name: loads what was extracted
    occurrence: 2027-03-28T02:00
    tasks:
      extract: { outputs: { rows: 42 } }
      transform: [failed, { outputs: { total: 84 } }] # the first attempt, and all others
    expect:
      status: failed # it has no retries
      skipped: [load]
      tasks:
        alert: completed
`;

export const tests: Topic = {
  name: "tests",
  summary: "Tests of jobs: stubs, times and expectations in *.test.yaml",
  sections: () => [
    {
      text:
        "A test file has a name that ends in .test.yaml, and is beside the job files, which petit reads without it. `petit test DIR` runs " +
        "the tests of all test files below a folder. Each test starts one run of a job, in petit's own engine with a clock of its own and a database in " +
        "memory, so that days pass in milliseconds. No process is started, except for tasks with `real: true`; no notification is sent.",
    },
    { title: "Example", lines: EXAMPLE_TEST.trimEnd().split("\n") },
    { title: "Fields", rows: fieldRows(TEST_FILE) },
    {
      title: "Times",
      text:
        "A time without an offset is in the time zone of the schedule of the job. A schedule without a time zone is in UTC, or in --timezone, " +
        "so that a test means the same on each machine.",
    },
    {
      title: "Other jobs",
      text:
        "A `job` task runs no other job: its stub says how that run ends, and with which outputs. Its params are checked as in reality. " +
        "The last runs of jobs that gates depend on are those in `jobs`.",
    },
  ],
};
