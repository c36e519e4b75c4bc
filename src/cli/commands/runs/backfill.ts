import type { BackfillPlanBody } from "../../../api/shapes/backfill.ts";
import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import { EXISTING_RULES, PARALLEL } from "../../../domain/backfill/backfill.ts";
import { PetitError } from "../../../domain/errors.ts";
import { usageError } from "../../argv.ts";
import { backfillLines, backfillTable, rangeText, type ShownBackfill } from "../../backfill/display.ts";
import { findBackfill } from "../../backfill/find.ts";
import { watchBackfill } from "../../backfill/watch.ts";
import { openClient } from "../../client/client.ts";
import { noteNewId } from "../../client/job-note.ts";
import { patienceOf, RECONNECT } from "../../client/reconnect.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { readCount, readParams } from "../../flag-values.ts";
import { runName } from "../../run-display/short-id.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { columnTable } from "../../terminal/table.ts";
import { paint } from "../../terminal/terminal.ts";

const LIMIT = { flag: "--limit", max: 1000 };
const DEFAULT_LIMIT = 20;

const CHANGES = ["pause", "resume", "cancel"] as const;

export const backfill = defineCommand({
  name: "backfill",
  summary: "Run a job for occurrences of the past, and follow or cancel that",
  description:
    "Makes a run in the running petit for each occurrence of a job's schedule in a range, a few at once, after all other runs. " +
    "'list' lists backfills, 'show' prints one with its progress, and 'pause', 'resume' and 'cancel' change one. Without --wait it " +
    "returns at once. With --wait, the exit status is 0 if all runs completed, else 1. It is 1, too, if there is nothing to run.",
  usage: [
    "petit backfill JOB --from DATE --to DATE",
    "petit backfill list [JOB]",
    "petit backfill show ID",
    "petit backfill pause|resume|cancel ID",
  ],
  args: {
    "JOB|ACTION": {
      type: "positional",
      required: true,
      description: "The job; or 'list', 'show', 'pause', 'resume' or 'cancel'.",
    },
    BACKFILL: { type: "positional", required: false, description: "The backfill; for 'list', a job." },
    from: {
      type: "string",
      valueHint: "DATE",
      description: "The first day in the zone of the job, such as 2026-11-01, or the first time, which is included.",
    },
    to: {
      type: "string",
      valueHint: "DATE",
      description: "The last day, all of it, or the last time, which is included.",
    },
    existing: {
      type: "string",
      valueHint: "RULE",
      description: `Which occurrences that have a run get another: ${EXISTING_RULES.join(", ")}. 'failed' are those whose newest run did not complete. [default: skip]`,
    },
    parallel: {
      type: "string",
      valueHint: "N",
      description: `How many of its runs are pending or running at once, ${PARALLEL.min} to ${PARALLEL.max}. [default: ${PARALLEL.default}]`,
    },
    param: {
      type: "string",
      alias: "p",
      valueHint: "NAME=VALUE",
      description: "The value of a param of the job; can be repeated.",
    },
    "newest-first": { type: "boolean", description: "Begin with the newest occurrence." },
    "dry-run": { type: "boolean", description: "Only list the occurrences that would get a run." },
    wait: { type: "boolean", description: "Wait until all runs have ended. Ctrl-C stops only the waiting." },
    ...RECONNECT,
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `With 'list': maximum number of backfills, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit backfill data_pipeline --from 2026-11-01 --to 2026-11-20 --dry-run",
    "petit backfill data_pipeline --from 2026-11-01 --to yesterday --existing failed --parallel 2",
    "petit backfill show 7a9e4f60",
    "petit backfill cancel 7a9e4f60",
  ],
  run: async (args, context) => {
    const first = args["JOB|ACTION"];
    const second = args.BACKFILL;
    const client = openClient(context);
    const isCreation = args.from !== undefined || args.to !== undefined;
    if (!isCreation) {
      if (first === "list") return await list(client, { jobId: second, limit: readCount(args.limit, LIMIT) }, context);
      if (first === "show") return await show(client, mustName(second, first), context);
      const change = CHANGES.find((each) => each === first);
      if (change !== undefined) return await changeOne(client, { change, id: mustName(second, change) }, context);
    }
    if (second !== undefined) throw usageError(`unexpected argument '${second}'`, null, "petit backfill");
    if (args.from === undefined || args.to === undefined)
      throw usageError(
        `a backfill of '${first}' needs --from and --to`,
        `'petit backfill ${first} --from 2026-11-01 --to 2026-11-20'`,
        "petit backfill",
      );
    const body = {
      job_id: first,
      from: args.from,
      to: args.to,
      existing: existingOf(args.existing),
      parallel: readCount(args.parallel, { flag: "--parallel", max: PARALLEL.max }) ?? PARALLEL.default,
      params: readParams(context.flags.get("param") ?? []),
      newest_first: args["newest-first"] === true,
    };
    if (args["dry-run"] === true) {
      const plan = await client.post("/api/backfills", { body: { ...body, dry_run: true } });
      if (!("occurrences" in plan)) throw new Error("petit has answered a dry run with a backfill");
      return writePlan(plan, context);
    }
    const created = await client.post("/api/backfills", { body });
    if ("occurrences" in created) throw new Error("petit has answered with a plan");
    noteNewId(first, created.job_id, context);
    return args.wait === true
      ? await watchBackfill(client, { created, patienceMs: patienceOf(args.reconnect) }, context)
      : writeCreated(created, context);
  },
});

const mustName = (id: string | undefined, action: string): string => {
  if (id !== undefined) return id;
  throw usageError(`expected the ID of a backfill: petit backfill ${action} ID`, null, "petit backfill");
};

const existingOf = (text: string | undefined): (typeof EXISTING_RULES)[number] => {
  const rule = EXISTING_RULES.find((each) => each === (text ?? "skip"));
  if (rule !== undefined) return rule;
  throw new PetitError("invalid_request", `--existing is '${text}'; expected one of ${EXISTING_RULES.join(", ")}`);
};

const writeCreated = (created: ShownBackfill, { terminal: { out, err }, json, settings }: Context): ExitStatus => {
  out.write(json ? `${JSON.stringify(created, null, 2)}\n` : `${created.id}\n`);
  const { total } = created.runs;
  const name = runName(created.id, err);
  const runs = total === 1 ? "1 run" : `${total} runs`;
  if (!json)
    err.write(
      `${runs} of '${created.job_id}', ${rangeText(created, defaultZone(settings))}; see 'petit backfill show ${name}'\n`,
    );
  return EXIT.DONE;
};

type Plan = typeof BackfillPlanBody.static;

const writePlan = (plan: Plan, { terminal: { out, err }, json }: Context): ExitStatus => {
  if (json) {
    out.write(`${JSON.stringify(plan, null, 2)}\n`);
    return EXIT.DONE;
  }
  const timeText = (at: number | null): string => (at === null ? "-" : readableLocal(at, plan.timezone));
  out.write(
    columnTable(
      [
        { title: "OCCURRENCE", cells: plan.occurrences.map(({ scheduled_for }) => timeText(scheduled_for)) },
        {
          title: "INTERVAL START",
          cells: plan.occurrences.map(({ interval_start }) => timeText(interval_start)),
          drop: 1,
        },
      ],
      out,
    ),
  );
  err.write(
    `${plan.count === 1 ? "1 run" : `${plan.count} runs`} of '${plan.job_id}' would be made; nothing was started\n`,
  );
  return EXIT.DONE;
};

type ListOptions = { readonly jobId: string | undefined; readonly limit: number | null };

const list = async (client: Client, { jobId, limit }: ListOptions, context: Context): Promise<ExitStatus> => {
  const query = { limit: limit ?? DEFAULT_LIMIT, ...(jobId !== undefined && { job_id: jobId }) };
  const found = await client.get("/api/backfills", { query });
  const { out, err } = context.terminal;
  if (context.json) out.write(`${JSON.stringify(found, null, 2)}\n`);
  else if (found.count > 0) out.write(backfillTable(found.backfills, context));
  else if (out.isTerminal)
    err.write(paint(err, "dim", "no backfills; 'petit backfill JOB --from DATE --to DATE' makes one\n"));
  return EXIT.DONE;
};

const show = async (client: Client, id: string, context: Context): Promise<ExitStatus> => {
  const { out } = context.terminal;
  const params = { backfill_id: await findBackfill(client, id) };
  const found = await client.get("/api/backfills/:backfill_id", { params });
  out.write(context.json ? `${JSON.stringify(found, null, 2)}\n` : backfillLines(found, context));
  return EXIT.DONE;
};

type ChangeOptions = { readonly change: (typeof CHANGES)[number]; readonly id: string };

const changeOne = async (client: Client, { change, id }: ChangeOptions, context: Context): Promise<ExitStatus> => {
  const params = { backfill_id: await findBackfill(client, id) };
  const changed =
    change === "pause"
      ? await client.post("/api/backfills/:backfill_id/pause", { params })
      : change === "resume"
        ? await client.post("/api/backfills/:backfill_id/resume", { params })
        : await client.post("/api/backfills/:backfill_id/cancel", { params });
  const { out, err } = context.terminal;
  if (context.json) out.write(`${JSON.stringify(changed, null, 2)}\n`);
  else err.write(`backfill ${runName(changed.id, err)} of '${changed.job_id}' is ${changed.status}\n`);
  return EXIT.DONE;
};
