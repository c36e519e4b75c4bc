import { isName } from "../../domain/ids.ts";
import { usageError } from "../argv.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { type NotifyTestResult, testReceivers } from "../notify/test-receivers.ts";
import { fold } from "../terminal/columns.ts";
import { paint, type Screen } from "../terminal/terminal.ts";

const ACTIONS = ["test"] as const;

export const notify = defineCommand({
  name: "notify",
  summary: "Send a test to the receivers of a job's notifications",
  description:
    "'test' sends a message that is marked as a test to each receiver in the job's 'notify' list, and shows what each answered. " +
    "Exits with 1 if one did not accept it. The running petit sends it; a receiver that accepts it counts as working again, and " +
    "its waiting notifications are sent now. With JOBS_DIR, or if no petit runs, this command sends it, with its own environment " +
    "and the definition of the job in the job file or the database.",
  usage: ["petit notify test JOB", "petit notify test JOBS_DIR JOB"],
  args: {
    ACTION: { type: "positional", required: true, description: "test." },
    "JOBS_DIR|JOB": {
      type: "positional",
      required: true,
      description: "The folder of the job files, or the job if it is the last argument.",
    },
    JOB: { type: "positional", required: false, description: "The job of that folder." },
  },
  choices: ACTIONS,
  settings: ["publicUrl"],
  examples: [
    "petit notify test data_pipeline",
    "petit notify test examples/jobs notify_me",
    "petit notify test data_pipeline --db petit.db",
  ],
  run: async ({ JOB, ...args }, context) => {
    const { out, err } = context.terminal;
    const first = args["JOBS_DIR|JOB"];
    if (JOB === undefined && !isName(first))
      throw usageError(
        `'${first}' is not the id of a job; if it is a folder, JOB is missing`,
        `'petit notify test ${first} JOB'`,
        "petit notify",
      );
    const where = JOB === undefined ? { jobId: first, dir: null } : { jobId: JOB, dir: first };
    const { answer, sender } = await testReceivers(where, context);
    if (context.json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
    else out.write(answer.results.map((result) => `${lineOf(result, out)}\n`).join(""));
    if (answer.count > 0) err.write(`sent by ${sender}\n`);
    else err.write(`petit: job '${where.jobId}' notifies nobody; its 'notify' list is empty\n`);
    return answer.count > 0 && answer.results.every(({ delivered }) => delivered) ? EXIT.DONE : EXIT.FAILED;
  },
});

const lineOf = ({ place, type, target, delivered, answer }: NotifyTestResult, out: Screen): string => {
  const sign = delivered ? paint(out, "green", "✓") : paint(out, "red", "✗");
  return fold(`${sign} notify[${place}] ${type} to ${target}: ${answer}`, "  ", out);
};
