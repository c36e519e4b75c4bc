import { isName } from "../../../domain/ids.ts";
import { usageError } from "../../argv.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { type NotifyTestResult, type Tested, testDigest, testReceivers } from "../../notify/test-receivers.ts";
import { fold } from "../../terminal/columns.ts";
import { paint, type Screen } from "../../terminal/terminal.ts";

const ACTIONS = ["test"] as const;

export const notify = defineCommand({
  name: "notify",
  summary: "Send a test to receivers of notifications or of the digest",
  description:
    "'test' sends a message that is marked as a test to each receiver in the job's 'notify' list, and shows what each answered. " +
    "Exits with 1 if one did not accept it. The running petit sends it; a receiver that accepts it counts as working again, and " +
    "its waiting notifications are sent now. With JOBS_DIR, or if no petit runs, this command sends it, with its own environment " +
    "and the definition of the job in the job file or the database. --digest has the running petit send what the digest of the configuration " +
    "file would say now, about as much time as lies between two; the next one is not changed.",
  usage: ["petit notify test JOB", "petit notify test JOBS_DIR JOB", "petit notify test --digest"],
  args: {
    ACTION: { type: "positional", required: true, description: "test." },
    "JOBS_DIR|JOB": {
      type: "positional",
      required: false,
      description: "The folder of the job files, or the job if it is the last argument.",
    },
    JOB: { type: "positional", required: false, description: "The job of that folder." },
    digest: { type: "boolean", description: "Send the digest to its receivers, marked as a test." },
  },
  choices: ACTIONS,
  settings: ["publicUrl"],
  examples: [
    "petit notify test data_pipeline",
    "petit notify test examples/jobs notify_me",
    "petit notify test data_pipeline --db petit.db",
    "petit notify test --digest",
  ],
  run: async ({ JOB, digest = false, ...args }, context) => {
    const first = args["JOBS_DIR|JOB"];
    if (digest) {
      if (first !== undefined)
        throw usageError("--digest takes no job; its receivers are in the configuration file", null, "petit notify");
      return show(await testDigest(context), "the digest has no receivers", context);
    }
    if (first === undefined) throw usageError("JOB, or --digest, is missing", null, "petit notify");
    if (JOB === undefined && !isName(first))
      throw usageError(
        `'${first}' is not the id of a job; if it is a folder, JOB is missing`,
        `'petit notify test ${first} JOB'`,
        "petit notify",
      );
    const where = JOB === undefined ? { jobId: first, dir: null } : { jobId: JOB, dir: first };
    return show(
      await testReceivers(where, context),
      `job '${where.jobId}' notifies nobody; its 'notify' list is empty`,
      context,
    );
  },
});

const show = (
  { answer, sender, list }: Tested,
  nobody: string,
  { terminal: { out, err }, json }: Context,
): ExitStatus => {
  if (json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
  else out.write(answer.results.map((result) => `${lineOf(result, { list, out })}\n`).join(""));
  err.write(answer.count > 0 ? `sent by ${sender}\n` : `petit: ${nobody}\n`);
  return answer.count > 0 && answer.results.every(({ delivered }) => delivered) ? EXIT.DONE : EXIT.FAILED;
};

type LinePlace = { readonly list: Tested["list"]; readonly out: Screen };

const lineOf = ({ place, type, target, delivered, answer }: NotifyTestResult, { list, out }: LinePlace): string => {
  const sign = delivered ? paint(out, "green", "✓") : paint(out, "red", "✗");
  return fold(`${sign} ${list}[${place}] ${type} to ${target}: ${answer}`, "  ", out);
};
