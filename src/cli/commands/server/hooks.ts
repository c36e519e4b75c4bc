import { readFileSync } from "node:fs";
import type { JobDetail } from "../../../api/shapes/job.ts";
import { urlOf } from "../../../app/settings/settings.ts";
import { PetitError } from "../../../domain/errors.ts";
import { deliveryText } from "../../../domain/words/deliveries/delivery.ts";
import { HOOK_SETUP } from "../../../domain/words/deliveries/hook.ts";
import { errorMessage } from "../../../lib/error-message.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { runName } from "../../run-display/short-id.ts";
import { fold } from "../../terminal/columns.ts";
import { paint } from "../../terminal/terminal.ts";

/** Maximum size of the event of a test, that of a request body. */
const MAX_BYTES = 1024 * 1024;

export const hooks = defineCommand({
  name: "hooks",
  summary: "List the addresses of webhooks, or test one",
  description:
    "Lists each webhook of the running petit: its address, with petit's setting public_url, and what to enter at the provider. " +
    "'test' has petit sign an event with the secret of the webhook and receive it, as if the provider had sent it: the job runs. " +
    "Exits with 1 if the event starts no run.",
  usage: ["petit hooks [JOB]", "petit hooks test JOB [--name NAME] --event FILE"],
  args: {
    "JOB|ACTION": { type: "positional", required: false, description: "Only the webhooks of this job; or 'test'." },
    JOB: { type: "positional", required: false, description: "The job to test." },
    name: { type: "string", valueHint: "NAME", description: "The webhook of the job to test, by its name." },
    event: { type: "string", valueHint: "FILE", description: "The body of the event, such as JSON; - reads stdin." },
    type: {
      type: "string",
      valueHint: "TYPE",
      description: "The provider's type of the event, where a header has it. [default: push]",
    },
  },
  settings: [],
  examples: ["petit hooks", "petit hooks test deploy --event push.json"],
  run: async ({ "JOB|ACTION": first, JOB, name, event, type }, context) => {
    if (first === "test") return await test({ job: JOB, name, file: event, type }, context);
    if (JOB !== undefined) throw usageError(`unexpected argument '${JOB}'`, null, "petit hooks");
    return await list(first, context);
  },
});

type Hook = Extract<(typeof JobDetail.static)["triggers"][number], { readonly type: "webhook" }>;

const list = async (jobId: string | undefined, context: Context): Promise<ExitStatus> => {
  const client = openClient(context);
  const ids = jobId === undefined ? (await client.get("/api/jobs")).jobs.map(({ id }) => id) : [jobId];
  const jobs = await Promise.all(ids.map((id) => client.get("/api/jobs/:job_id", { params: { job_id: id } })));
  const { settings } = await client.get("/api/system");
  const publicUrl = settings.find((each) => each.name === "public_url")?.value ?? null;
  const base = String(publicUrl ?? urlOf(context.settings)).replace(/\/+$/, "");
  const found = jobs.flatMap((job) =>
    job.triggers.flatMap((hook) =>
      hook.type === "webhook" ? [{ job_id: job.id, url: base + hook.path, ...hook }] : [],
    ),
  );
  const { out, err } = context.terminal;
  if (context.json) out.write(`${JSON.stringify({ hooks: found, count: found.length }, null, 2)}\n`);
  else if (found.length === 0) err.write("petit: no job has a webhook; add a trigger of the type 'webhook' to a job\n");
  else
    for (const hook of found) {
      const title = hook.name === null ? hook.job_id : `${hook.job_id}, ${hook.name}`;
      out.write(`${paint(out, "bold", title)}\n  ${hook.url}\n${fold(`  ${setupOf(hook)}`, "  ", out)}\n`);
    }
  if (found.length > 0 && publicUrl === null && !context.json)
    err.write(paint(err, "dim", "set public_url of petit to the address under which the providers reach petit\n"));
  return EXIT.DONE;
};

const setupOf = ({ verify, header, secrets, events }: Hook): string => {
  const where = header === null ? "" : `, header ${header}`;
  const types = events === null ? "" : `; events ${events.join(", ")}`;
  return `${verify}${where}: ${HOOK_SETUP[verify]}; secret from ${secrets.join(" or ")}${types}`;
};

type Test = {
  readonly job: string | undefined;
  readonly name: string | undefined;
  readonly file: string | undefined;
  readonly type: string | undefined;
};

const test = async ({ job, name, file, type }: Test, context: Context): Promise<ExitStatus> => {
  if (job === undefined) throw usageError("JOB is missing: petit hooks test JOB --event FILE", null, "petit hooks");
  if (file === undefined) throw usageError("--event FILE is missing", null, "petit hooks");
  const { out } = context.terminal;
  const answer = await openClient(context).post("/api/jobs/:job_id/hooks/test", {
    params: { job_id: job },
    body: { name: name ?? null, event_type: type ?? null, body: readEvent(file) },
  });
  if (context.json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
  else if ("delivery_id" in answer)
    out.write(
      `delivery ${answer.delivery_id}: ${deliveryText(answer)}${answer.run_id === null ? "" : ` (${runName(answer.run_id, out)})`}\n`,
    );
  else out.write(`${answer.message}\n`);
  return "delivery_id" in answer && answer.outcome === "skipped" ? EXIT.FAILED : EXIT.DONE;
};

const readEvent = (file: string): string => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === "-" ? 0 : file);
  } catch (error) {
    throw new PetitError("invalid_request", `--event: ${file} can't be read: ${errorMessage(error)}`);
  }
  if (bytes.length > MAX_BYTES) throw new PetitError("invalid_request", `--event: ${file} is larger than 1 MiB`);
  return bytes.toString("utf8");
};
