import type { RunBody, RunList } from "../../../api/shapes/run.ts";
import { defaultZone } from "../../../app/settings/settings.ts";
import { PetitError } from "../../../domain/errors.ts";
import { roughlyText } from "../../../domain/words/duration.ts";
import { failureText, failureWords } from "../../../domain/words/failure.ts";
import { cpuText, memoryText } from "../../../domain/words/limits/usage.ts";
import { paramsText, startedByText } from "../../../domain/words/run-facts.ts";
import { shownStatusOf, statusWords } from "../../../domain/words/waiting-for.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { pluralize } from "../../../lib/text.ts";
import { findBackfill } from "../../backfill/find.ts";
import { openClient } from "../../client/client.ts";
import { findRun } from "../../client/find-run.ts";
import { noteJob } from "../../client/job-note.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { parseSince, readCount } from "../../flag-values.ts";
import { reasonText } from "../../run-display/outcome.ts";
import { runName, shortIds } from "../../run-display/short-id.ts";
import { durationText, signOf, styleOf } from "../../run-display/status-text.ts";
import { TAG_FLAG } from "../../tags.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { type Column, columnTable } from "../../terminal/table.ts";
import { paint } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

const DEFAULT_LIMIT = 20;
const LIMIT = { flag: "--limit", max: 1000 };

export const runs = defineCommand({
  name: "runs",
  summary: "List the newest runs of all jobs or of one",
  description:
    "Lists runs of the running petit, newest first. On a terminal, ids are short, as every command accepts them, times are " +
    "relative, and columns fit its width. Otherwise, and with --json, the output is complete.",
  args: {
    JOB: { type: "positional", required: false, description: "Only runs of this job, which may be gone." },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of runs, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
    status: { type: "string", valueHint: "STATUS", description: "Only runs with this status, such as failed." },
    tag: {
      ...TAG_FLAG,
      description: "Only runs of jobs with this tag; several, separated by commas, must all be there.",
    },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "Only runs created at this time or later: 2h ago, friday, or 2026-03-08T01:30.",
    },
    until: { type: "string", valueHint: "TIME", description: "Only runs created before this time." },
    text: {
      type: "string",
      valueHint: "TEXT",
      description: "Only runs with this text in the job id, the error, a param or the name of a person; ignores case.",
    },
    param: { type: "string", valueHint: "NAME[=VALUE]", description: "Only runs with this param." },
    trigger: {
      type: "string",
      valueHint: "TRIGGER",
      description: "Only runs that were started in this way, such as manual.",
    },
    exclude: { type: "string", valueHint: "JOBS", description: "Only runs of other jobs; ids separated by commas." },
    before: { type: "string", valueHint: "RUN", description: "Only runs older than this one." },
    parent: { type: "string", valueHint: "RUN", description: "Only runs that tasks of this run started." },
    backfill: { type: "string", valueHint: "BACKFILL", description: "Only runs that this backfill has made." },
    usage: { type: "boolean", description: "Show the CPU time and the peak of memory of each run." },
  },
  settings: [],
  examples: [
    "petit runs",
    "petit runs hello_world -n 5 --status failed",
    "petit runs --tag nightly",
    "petit runs --status failed --since 24h --exclude heartbeat --text timeout",
    "petit runs nightly_import --usage",
    "petit runs --parent 9a7e4f60",
  ],
  run: async (
    { JOB, limit: given, before, since, until, exclude, status, tag, text, param, trigger, parent, backfill, usage },
    context,
  ) => {
    const limit = readCount(given, LIMIT) ?? DEFAULT_LIMIT;
    if (JOB !== undefined && exclude !== undefined) throw new PetitError("invalid_request", "--exclude needs no JOB");
    const client = openClient(context);
    const idOf = async (run: string | undefined): Promise<string | undefined> =>
      run === undefined ? run : await findRun(client, run, null);
    const query = {
      status,
      tag,
      text,
      param,
      trigger,
      failure: true,
      ...(usage === true && { usage }),
      from: timeOf("--since", since, context),
      to: timeOf("--until", until, context),
      before: await idOf(before),
      parent: await idOf(parent),
      backfill_id: backfill === undefined ? undefined : await findBackfill(client, backfill),
    };
    const list = await listRuns(limit, query.before, (page) =>
      JOB === undefined
        ? client.get("/api/runs", { query: { ...query, ...page, exclude } })
        : client.get("/api/jobs/:job_id/runs", { params: { job_id: JOB }, query: { ...query, ...page } }),
    );
    if (JOB !== undefined) await noteJob(client, JOB, context);
    const { out } = context.terminal;
    if (context.json) out.write(`${JSON.stringify(list, null, 2)}\n`);
    else out.write(columnTable(runColumns(list.runs, usage === true, context), out));
    if (out.isTerminal && !context.json) writeNote(list.runs, limit, context);
    return EXIT.DONE;
  },
});

const timeOf = (flag: string, text: string | undefined, { settings, clock }: Context): number | undefined =>
  text === undefined ? text : parseSince(text, { flag, now: clock.now(), zone: defaultZone(settings) });

type Page = { readonly limit: number; readonly before: string | undefined };

/** Reads pages until there are `limit` runs: petit reads a limited number of runs for each, which may not match. */
const listRuns = async (
  limit: number,
  before: string | undefined,
  read: (page: Page) => Promise<typeof RunList.static>,
): Promise<typeof RunList.static> => {
  const runs: RunRow[] = [];
  for (let next = before; ; ) {
    const page = await read({ limit: limit - runs.length, before: next });
    runs.push(...page.runs);
    if (page.next === null || runs.length >= limit) return { runs, count: runs.length, next: page.next };
    next = page.next;
  }
};

type RunRow = typeof RunBody.static;

const runColumns = (
  list: readonly RunRow[],
  hasUsage: boolean,
  { terminal: { out }, settings, clock }: Context,
): readonly Column[] => {
  const zone = defaultZone(settings);
  const now = clock.now();
  const started = (run: RunRow): string => {
    const at = run.started_at ?? run.created_at;
    return out.isTerminal ? roughlyText(at - now) : readableLocal(at, zone);
  };
  const took = (run: RunRow): string =>
    durationText(
      run.status === "running" && out.isTerminal && run.started_at !== null ? now - run.started_at : run.duration_ms,
    );
  const style = (row: number) => {
    const run = list[row];
    return styleOf(run === undefined ? "pending" : shownStatusOf(run));
  };
  const sign = (run: RunRow): string => (out.isTerminal ? `${signOf(shownStatusOf(run))} ` : "");
  const ids = list.map(({ id }) => id);
  return [
    { title: "RUN", cells: out.isTerminal ? shortIds(ids) : ids },
    { title: "JOB", cells: list.map(({ job_id }) => job_id), shrink: 5, min: 12 },
    {
      title: "STATUS",
      cells: list.map((run) => `${sign(run)}${statusWords(run)}${remarkOn(run)}`),
      style,
      shrink: 7,
      min: 6,
    },
    {
      title: "TRIGGER",
      cells: list.map(out.isTerminal ? startedByText : ({ trigger }) => trigger),
      shrink: 1,
      min: 8,
      drop: 6,
    },
    { title: "STARTED", cells: list.map(started), drop: 6 },
    { title: "TOOK", cells: list.map(took), drop: 4 },
    ...(hasUsage ? usageColumns(list) : []),
    ...(out.isTerminal ? [...paramsColumn(list), whyColumn(list)] : []),
  ];
};

const usageColumns = (list: readonly RunRow[]): readonly Column[] => [
  { title: "CPU", cells: list.map(({ usage = null }) => cpuText(usage) ?? "-") },
  {
    title: "MEMORY",
    cells: list.map(({ usage = null }) => memoryText(usage, usage?.memory_limit_bytes ?? null) ?? "-"),
  },
];

const remarkOn = ({ late_at, warnings }: RunRow): string => {
  const remarks = [...(late_at === null ? [] : ["late"]), ...(warnings === 0 ? [] : [pluralize(warnings, "warning")])];
  return remarks.length === 0 ? "" : ` (${remarks.join(", ")})`;
};

/** Shown only as far as the width allows. */
const paramsColumn = (list: readonly RunRow[]): readonly Column[] => {
  const cells = list.map(({ params }) => oneLine(paramsText(params)));
  return cells.every((cell) => cell === "") ? [] : [{ title: "PARAMS", cells, shrink: 1, min: 12, drop: 2 }];
};

/** Shown in a line of its own if the other columns leave no room for it. */
const whyColumn = (list: readonly RunRow[]): Column => ({
  title: "WHY",
  cells: list.map(whyText),
  isBelowIfLong: true,
  shrink: 2,
  min: 16,
  drop: 3,
});

/** Returns what a run waits for, or why it failed. */
const whyText = (run: RunRow): string => {
  if (run.waits_for !== null) return `waits for ${waitsForText(run.waits_for)}`;
  const { failure = null } = run;
  return failure === null ? reasonText(run) : oneLine(failureText(failureWords(failure, run.error)));
};

/** Says that there are no runs, or how to list older ones. */
const writeNote = (list: readonly RunRow[], limit: number, { terminal: { err } }: Context): void => {
  const last = list.at(-1);
  if (last === undefined) err.write(paint(err, "dim", "no runs\n"));
  else if (list.length === limit) err.write(paint(err, "dim", `for older runs: --before ${runName(last.id, err)}\n`));
};
