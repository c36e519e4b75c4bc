import { configVariable, paramVariable, TASK_VARIABLES } from "../../../domain/task-environment.ts";
import { REFERENCE_FORMS } from "../../../jobfile/template.ts";
import FIRST_JOB from "../../commands/jobs/first-job.yaml" with { type: "text" };
import { fieldRows } from "../../commands/jobs/schema.ts";
import type { Topic, TopicSection } from "./topic.ts";

export const jobFiles: Topic = {
  name: "job-files",
  summary: "Job file reference: fields, templates, variables",
  sections: () => jobFileSections(),
};

/** Returns the text of the topic, which is also in the manual (petit.yaml(5)). */
export const jobFileSections = (): readonly TopicSection[] => [
  {
    text:
      "A job file is YAML. It defines one job, or several jobs separated by `---`. petit reads all *.yaml and *.yml files in a " +
      "folder and its subfolders, except those whose names start with a dot and test files (*.test.yaml; `petit help tests`). `petit init` writes an example, `petit validate` " +
      "reports all problems, and `petit schema` prints a JSON Schema that editors use to complete and check job files.",
  },
  { title: "Example", lines: FIRST_JOB.trimEnd().split("\n") },
  { title: "Fields", rows: fieldRows() },
  {
    title: "Durations",
    text: "250ms, 30s, 5m, 2h, 1d, or a sum such as 1h30m. Only `…_secs` and `seconds` take plain numbers.",
  },
  {
    title: "Templates",
    text:
      `\${{ … }} in args, environment, stdin, working_dir and the fields of requests can refer to ${REFERENCE_FORMS}. In script and command it is an error, ` +
      "because data must never become code. Use the variables there.",
  },
  {
    title: "Secrets",
    text:
      "A value in `environment`, and a header of an `http` task, can be {env: NAME} (a variable of petit's environment), {file: PATH} or " +
      "{credential: NAME} (of systemd). It is read when an attempt starts and never stored; *** replaces it in the output.",
  },
  {
    title: "Variables of a task",
    text: [...TASK_VARIABLES, paramVariable("name"), configVariable("key")].join(", "),
    rows: [
      ["PETIT_SCHEDULED_FOR", "The time for which the run was scheduled, ISO 8601 in UTC; unset for a manual run."],
      ["PETIT_INTERVAL_START", "The occurrence of the schedule before that; unset if there is none."],
      ["PETIT_INTERVAL_END", "The same as PETIT_SCHEDULED_FOR."],
      [
        "PETIT_OUTPUT",
        "A file. Each `key=value` line that a task writes to it becomes an output for downstream tasks.",
      ],
    ],
  },
];
