import { readJobText } from "../../jobfile/read/job-dir.ts";
import { position, required, text } from "../arguments.ts";
import { defineTool } from "../tool.ts";

/** YAML is parsed in one piece, which must not keep petit from its other work for long. */
const MAX_CHARACTERS = 100_000;

export const validate = defineTool({
  name: "validate",
  description: "Check the YAML of a job file. Reads no files: scripts and other jobs that it names are not checked.",
  args: { yaml: required(text(undefined, { max: MAX_CHARACTERS })), cursor: position() },
  effect: "reads",
  run: async ({ yaml, cursor = 0 }) => {
    const { jobs, problems } = await readJobText(yaml);
    const entries = problems.map(({ line, column, path, message }, index) => ({
      data: { line, column, field: path, problem: message },
      cursor: String(index + 1),
    }));
    return {
      fields: {
        valid: problems.length === 0 && jobs.length > 0,
        jobs: jobs.map(({ id }) => id),
        total: problems.length,
      },
      list: { name: "problems", entries: entries.slice(cursor), cursor: null },
    };
  },
});
