import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readJobFile } from "../../src/jobfile/read/job-file.ts";
import { jobText } from "../../src/jobfile/write-job.ts";

const jobWith = (stdin: string) => ({
  id: "a",
  schedule: { cron: "*/5 * * * *", catchup: "none" },
  environment: { EMPTY: "", NUMBER: "1", WORD: "yes", TEXT: stdin },
  tasks: [{ id: "t", type: "command", command: "/bin/sh", args: ["-c", stdin], stdin }],
});

const readBack = (text: string) => readJobFile({ file: "a.yaml", folder: "/", text });

describe("a written job", () => {
  test("is read back with the same texts, whatever is in them", () => {
    const piece = fc.constantFrom(
      "a",
      " ",
      "\n",
      "\t",
      "#",
      ": ",
      "- ",
      "'",
      '"',
      "\\",
      "|",
      "\r",
      "\u001b",
      "é",
      "%",
      "---\n",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const stdin = pieces.join("");
        const { jobs, problems } = readBack(jobText({ fields: jobWith(stdin) }));
        expect(problems).toEqual([]);
        const [job] = jobs;
        expect(job?.environment).toEqual({ EMPTY: "", NUMBER: "1", WORD: "yes", TEXT: stdin });
        expect(job?.tasks[0]).toMatchObject({ stdin, args: ["-c", stdin] });
      }),
      { numRuns: 500 },
    );
  });

  test("shows its comments at the top, above fields and at the end, and multi-line texts as blocks", () => {
    const text = jobText({
      fields: jobWith("one\ntwo\n"),
      head: ["From a test:", "", "  0 0 * * * true"],
      comments: { schedule: ["When."], "schedule.catchup": ["As cron."], "tasks.0.args": ["The", "command."] },
      foot: ["The end."],
    });
    expect(text).toBe(`# From a test:
#
#   0 0 * * * true
id: a
# When.
schedule:
  cron: "*/5 * * * *"
  # As cron.
  catchup: none
environment:
  EMPTY: ""
  NUMBER: "1"
  WORD: yes
  TEXT: |
    one
    two
tasks:
  - id: t
    type: command
    command: /bin/sh
    # The
    # command.
    args:
      - -c
      - |
        one
        two
    stdin: |
      one
      two
# The end.
`);
    expect(readBack(text).problems).toEqual([]);
  });

  test("can't have a comment above a field that it lacks", () => {
    expect(() => jobText({ fields: jobWith(""), comments: { "tasks.1.args": ["x"] } })).toThrow("tasks.1.args");
  });
});
