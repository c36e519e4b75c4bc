import { formatProblem } from "../../../jobfile/problem.ts";
import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";

export const reload = defineCommand({
  name: "reload",
  summary: "Read the job files again",
  description:
    "Makes the running petit read its job files again. Jobs of a broken file keep their last valid version; the exit status " +
    "is then 1.",
  args: {},
  settings: [],
  examples: ["petit reload"],
  run: async (_, context) => {
    const { out, err } = context.terminal;
    const answer = await openClient(context).post("/api/jobs/reload");
    out.write(context.json ? `${JSON.stringify(answer, null, 2)}\n` : `${answer.message}\n`);
    if (!context.json) for (const problem of answer.problems) err.write(`${formatProblem(problem)}\n`);
    return answer.problems.length === 0 ? EXIT.DONE : EXIT.FAILED;
  },
});
