import { configVariable, paramVariable, TASK_VARIABLES } from "../../../domain/task-environment.ts";
import { REFERENCE_FORMS } from "../../../jobfile/template.ts";
import FIRST_JOB from "../../commands/first-job.yaml" with { type: "text" };
import { fieldRows } from "../../commands/schema.ts";
import type { Topic } from "./topic.ts";

export const jobFiles: Topic = {
  name: "job-files",
  summary: "What stands in a job file: fields, templates, variables",
  parts: () => [
    {
      text:
        "A job file is YAML: one job, or several with `---` between them. petit reads *.yaml and *.yml of a folder and of all " +
        "folders in it, but nothing whose name begins with a dot. `petit init` writes a first one, `petit validate` tells all " +
        "that is wrong, and `petit schema` prints a JSON Schema, by which editors complete and check.",
    },
    { title: "An example", lines: FIRST_JOB.trimEnd().split("\n") },
    { title: "Fields", rows: fieldRows() },
    {
      title: "Durations",
      text: "250ms, 30s, 5m, 2h, 1d, or a sum such as 1h30m. Plain numbers stand only in `…_secs` and `seconds`.",
    },
    {
      title: "Templates",
      text:
        `\${{ … }} in args, environment, stdin and working_dir reaches ${REFERENCE_FORMS}. In script and command it is an error: ` +
        "what is data must not become a program. Use the variables there.",
    },
    {
      title: "Variables of a task",
      text: [...TASK_VARIABLES, paramVariable("name"), configVariable("key")].join(", "),
      rows: [
        ["PETIT_SCHEDULED_FOR", "When the run was due, ISO 8601 in UTC; not set for a run that somebody triggered."],
        ["PETIT_OUTPUT", "A file: each line `key=value` that a task writes to it is an output, for tasks downstream."],
      ],
    },
  ],
};
