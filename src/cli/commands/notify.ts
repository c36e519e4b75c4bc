import type { NotifyTestList } from "../../api/shapes/notification.ts";
import { PetitError } from "../../domain/errors.ts";
import { suggest } from "../../lib/suggest.ts";
import { openClient } from "../client/client.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fold } from "../terminal/columns.ts";
import { paint, type Screen } from "../terminal/terminal.ts";

const ACTIONS = ["test"] as const;

/** A receiver may take up to a minute to answer. */
const TIMEOUT_MS = 90_000;

export const notify = defineCommand({
  name: "notify",
  summary: "Send a test to the receivers of a job's notifications",
  description:
    "'test' has the running petit send a message that is marked as a test to each receiver in the job's 'notify' list, and shows " +
    "what each answered. Exits with 1 if one did not accept it. A receiver that accepts it counts as working again: what waits " +
    "for it is sent now.",
  usage: ["petit notify test JOB"],
  args: {
    ACTION: { type: "positional", required: true, description: "test." },
    JOB: { type: "positional", required: true, description: "The id of the job." },
  },
  choices: ACTIONS,
  settings: [],
  examples: ["petit notify test data_pipeline"],
  run: async ({ ACTION, JOB }, context) => {
    checkAction(ACTION);
    const { out, err } = context.terminal;
    const answer = await openClient(context, { timeoutMs: TIMEOUT_MS }).post("/api/jobs/:job_id/notify/test", {
      params: { job_id: JOB },
    });
    if (context.json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
    else out.write(answer.results.map((result) => `${lineOf(result, out)}\n`).join(""));
    if (answer.count === 0) err.write(`petit: job '${JOB}' notifies nobody; its 'notify' list is empty\n`);
    return answer.count > 0 && answer.results.every(({ delivered }) => delivered) ? EXIT.DONE : EXIT.FAILED;
  },
});

const checkAction = (given: string): void => {
  if (ACTIONS.some((each) => each === given)) return;
  const near = suggest(given, ACTIONS);
  const hint = near === null ? `expected ${ACTIONS.join(", ")}` : `did you mean '${near}'?`;
  throw new PetitError("invalid_request", `unknown action '${given}'; ${hint}`);
};

type Result = (typeof NotifyTestList.static)["results"][number];

const lineOf = ({ place, type, target, delivered, answer }: Result, out: Screen): string => {
  const sign = delivered ? paint(out, "green", "✓") : paint(out, "red", "✗");
  return fold(`${sign} notify[${place}] ${type} to ${target}: ${answer}`, "  ", out);
};
