import { foldEntries } from "../../domain/inbox/order.ts";
import { countWaiting, totalWaiting } from "../../domain/limits/waiting-for.ts";
import { frequentIntervalMs } from "../../domain/schedule/frequency.ts";
import { criticalFirst } from "../../domain/schedule/next-up.ts";
import { compileSchedule } from "../../domain/schedule/schedule.ts";
import { distanceText, roughlyText } from "../../domain/words/duration.ts";
import { byText } from "../../domain/words/inbox/unfired.ts";
import { usedCommitText } from "../../domain/words/versions/repository.ts";
import { activeTexts, shownStatusOf, waitedForText } from "../../domain/words/waiting-for.ts";
import { waitsForText } from "../../domain/words/waits-for.ts";
import { assertNever } from "../../lib/never.ts";
import { pluralize } from "../../lib/text.ts";
import { frequentText } from "../next/table.ts";
import { runName, shortIds } from "../run-display/short-id.ts";
import { elapsedText, signOf, styleOf } from "../run-display/status-text.ts";
import { commandLines, fold } from "../terminal/columns.ts";
import { readableLocal, shortLocal } from "../terminal/local-time.ts";
import { type Column, columnTable, detailLines } from "../terminal/table.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { fitEnd } from "../terminal/text-width.ts";
import { type AttentionRow, attentionRows } from "./attention.ts";
import { comingJobs, type Overview, type RunBody } from "./overview-data.ts";

export type OverviewTextOptions = {
  readonly screen: Screen;
  readonly now: number;
  /** The reader's zone. */
  readonly zone: string;
  /** URL of petit. */
  readonly base: string;
  /** Whether to list everything on a terminal. */
  readonly all: boolean;
};

/** Maximum number of rows of each part. */
type Limits = { readonly attention: number; readonly active: number; readonly next: number };

/** On a terminal. */
const LISTED: Limits = { attention: 10, active: 10, next: 5 };

/** On a terminal that is too low for all of them: what comes next makes room first, and what needs attention last. */
const FEWEST: readonly Limits[] = [
  { ...LISTED, next: 2 },
  { attention: 5, active: 3, next: 2 },
  { attention: 3, active: 1, next: 1 },
  { attention: 1, active: 1, next: 0 },
];

/** Named parts of the options, and what each part shows. */
type PartOptions = { readonly display: OverviewTextOptions; readonly limits: Limits; readonly coming: Coming };

/** Returns what needs attention, what runs and what comes next, if possible in as many lines as the terminal has. */
export const overviewText = (overview: Overview, options: OverviewTextOptions): string => {
  const { screen, all } = options;
  const isLimited = screen.isTerminal && !all;
  const coming = splitByFrequency(
    criticalFirst(comingJobs(overview.jobs), options.now),
    isLimited ? LISTED.next : ALL.next,
    options,
  );
  if (!isLimited) return partsText(overview, { display: options, coming, limits: ALL });
  // The shell's prompt needs one line or two.
  const room = screen.rows() - 2;
  let limits = LISTED;
  for (;;) {
    const text = partsText(overview, { display: options, coming, limits });
    const fewer = text.split("\n").length - 1 > room ? withFewer(limits) : null;
    if (fewer === null) return text;
    limits = fewer;
  }
};

const ALL: Limits = {
  attention: Number.POSITIVE_INFINITY,
  active: Number.POSITIVE_INFINITY,
  next: Number.POSITIVE_INFINITY,
};

/** Returns limits with one row less, or null if there are no fewer. */
const withFewer = (limits: Limits): Limits | null => {
  for (const fewest of FEWEST)
    for (const part of ["next", "active", "attention"] as const)
      if (limits[part] > fewest[part]) return { ...limits, [part]: limits[part] - 1 };
  return null;
};

const partsText = (overview: Overview, options: PartOptions): string =>
  [
    headText(overview, options.display),
    attentionText(overview, options),
    activeText([...overview.running, ...overview.pending], options),
    nextText(options),
  ]
    .filter((part) => part !== "")
    .join("\n");

const headText = (
  { version, state, pausedBy, health, jobs, repository }: Overview,
  { screen, base }: OverviewTextOptions,
): string => {
  const paused = jobs.filter((job) => job.paused).map(pausedJobText);
  const states = [...stateWords(state, health.status), pluralize(jobs.length, "job")];
  const lines = [paint(screen, "bold", fold(`petit ${version} at ${base}: ${states.join(", ")}`, "  ", screen))];
  if (repository !== null) lines.push(paint(screen, "dim", cut(`job files: ${usedCommitText(repository)}`, screen)));
  const note = (text: string): void => void lines.push(paint(screen, "yellow", cut(text, screen)));
  if (state === "paused") note(`all schedules are paused${byText(pausedBy)}; 'petit resume' continues them`);
  if (paused.length > 0) note(`${pluralize(paused.length, "paused job")}: ${paused.join(", ")}`);
  return `${lines.join("\n")}\n`;
};

/** An older petit does not say who paused a job. */
const pausedJobText = ({ id, paused_by: by = null }: Overview["jobs"][number]): string =>
  by === null ? id : `${id} (by ${by})`;

const stateWords = (state: Overview["state"], health: Overview["health"]["status"]): readonly string[] => {
  switch (health) {
    case "ok":
    case "degraded":
      return [state];
    case "unavailable":
      return [state, health];
    case "starting":
    case "stopping":
      return [health];
    default:
      return assertNever(health);
  }
};

/** Shortens a line to the width of a terminal. */
const cut = (text: string, screen: Screen): string => (screen.isTerminal ? fitEnd(text, screen.columns()) : text);

type Part<Item> = { readonly shown: readonly Item[]; readonly rest: number };

const partOf = <Item>(items: readonly Item[], limit: number): Part<Item> => {
  const shown = items.slice(0, limit);
  return { shown, rest: items.length - shown.length };
};

const restText = (rest: number, screen: Screen, command = "--all"): string =>
  rest === 0 ? "" : `${paint(screen, "dim", `… ${rest} more; ${command} lists them`)}\n`;

const attentionText = (overview: Overview, options: PartOptions): string => {
  const { screen, now } = options.display;
  const { shown, rest, handled } = attentionPart(overview, options);
  const known = handledText(handled, screen);
  if (shown.length === 0)
    return `${paint(screen, "green", `✓ nothing ${handled === 0 ? "" : "else "}needs attention`)}\n${known}`;
  const names = namesOf(shown, screen);
  const [head = "", ...rows] = columnTable(
    [
      {
        title: "NEEDS ATTENTION",
        cells: shown.map(({ sign, subject }) => `${sign} ${subject}`),
        style: (row) => shown[row]?.style ?? null,
        shrink: 1,
        min: 24,
      },
      { title: "SINCE", cells: shown.map(({ since }) => (since === null ? "" : roughlyText(since - now))), drop: 4 },
      { title: "RUN", cells: shown.map(({ runId }) => names.get(runId ?? "") ?? "") },
      { title: "STATE", cells: shown.map(({ state }) => state), shrink: 3, min: 10, drop: 5 },
    ],
    screen,
  )
    .trimEnd()
    .split("\n");
  const lines = rows.flatMap((row, index) => [row, ...detailLinesOf(shown[index], screen)]);
  const failed = shown.find(({ hasFailed }) => hasFailed);
  return `${[head, ...lines].join("\n")}\n${restText(rest, screen)}${known}${nextCommand(failed, screen)}`;
};

const detailLinesOf = (row: AttentionRow | undefined, screen: Screen): readonly string[] => [
  ...detailLines(row?.why ?? "", screen),
  ...(row === undefined || row.said === "" ? [] : detailLines(row.said, screen)),
];

/** Returns the rows to show: about the limit, but each that needs a decision or is critical. */
const attentionPart = (overview: Overview, { limits, display }: PartOptions) => {
  const rows = attentionRows(overview, (at) => readableLocal(at, display.zone));
  const { shown, more, handled } = foldEntries(rows, Math.min(limits.attention, rows.length));
  return limits === ALL
    ? { shown: [...shown, ...handled], rest: 0, handled: 0 }
    : { shown, rest: more.length, handled: handled.length };
};

const handledText = (count: number, screen: Screen): string =>
  count === 0 ? "" : `${paint(screen, "dim", `${count} acknowledged or snoozed; --all lists them`)}\n`;

/** Short ids of the runs that are shown together are distinct. */
const namesOf = (rows: readonly { readonly runId: string | null }[], screen: Screen): ReadonlyMap<string, string> => {
  const ids = rows.flatMap(({ runId }) => runId ?? []);
  const names = screen.isTerminal ? shortIds(ids) : ids;
  return new Map(ids.map((id, index) => [id, names[index] ?? id]));
};

const nextCommand = (row: AttentionRow | undefined, screen: Screen): string => {
  if (row === undefined || row.runId === null || !screen.isTerminal) return "";
  const command = `petit status ${runName(row.runId, screen)}`;
  return commandLines([[command, `shows why ${row.subject} failed`]], screen);
};

const activeText = (runs: readonly RunBody[], options: PartOptions): string => {
  const { screen, now } = options.display;
  const { limits } = options;
  if (runs.length === 0) return `${paint(screen, "dim", "nothing is running")}\n`;
  const ordered = runs.toSorted((a, b) => rankOf(a) - rankOf(b));
  const isExecuting = ordered.some((run) => shownStatusOf(run) === "running");
  const { shown, rest } = partOf(ordered, limits.active);
  const names = namesOf(
    shown.map(({ id }) => ({ runId: id })),
    screen,
  );
  const table = columnTable(
    [
      {
        title: isExecuting ? "RUNNING" : "WAITING",
        cells: shown.map(
          (run) =>
            `${signOf(shownStatusOf(run))} ${run.job_id}${isWaiting(run) ? " (waits)" : ""}${run.late_at === null ? "" : " (late)"}`,
        ),
        style: (row) => {
          const run = shown[row];
          return styleOf(run === undefined ? "pending" : shownStatusOf(run));
        },
        shrink: 3,
        min: 24,
      },
      { title: "FOR", cells: shown.map((run) => elapsedText(now - (run.started_at ?? run.created_at))) },
      { title: "RUN", cells: shown.map(({ id }) => names.get(id) ?? id) },
      { title: "TRIGGER", cells: shown.map(({ trigger }) => trigger), drop: 1 },
      ...(shown.some((run) => waitText(run) !== "") ? [waitsColumn(shown)] : []),
    ],
    screen,
  );
  return `${countsText(runs, screen)}${table}${restText(rest, screen)}`;
};

/** What executes comes before what has started and only waits, and that before what has not started. */
const rankOf = (run: RunBody): number => ["running", "waiting", "pending"].indexOf(shownStatusOf(run));

const isWaiting = (run: RunBody): boolean => rankOf(run) > 0;

/** Says how many runs execute and how many only wait, if some do. */
const countsText = (runs: readonly RunBody[], screen: Screen): string => {
  const started = runs.filter(({ status }) => status === "running");
  const waiting = countWaiting(runs.map(({ waiting_for }) => waiting_for ?? null));
  if (totalWaiting(waiting) === 0) return "";
  const executing = started.filter((run) => shownStatusOf(run) === "running").length;
  const texts = activeTexts({
    running: started.length,
    pending: runs.length - started.length,
    executing,
    waiting,
  });
  return `${paint(screen, "bold", fold(texts.join(", "), "  ", screen))}\n`;
};

const waitText = (run: RunBody): string =>
  run.waits_for === null ? (waitedForText(run) ?? "") : waitsForText(run.waits_for);

const waitsColumn = (runs: readonly RunBody[]): Column => ({
  title: "WAITS FOR",
  cells: runs.map(waitText),
  shrink: 2,
  min: 16,
  drop: 4,
});

const nextText = ({ display: { screen, now, zone }, limits, coming }: PartOptions): string => {
  const { frequent, others, rest } = coming;
  if (others.length + frequent.length === 0) return "";
  const shown = others.slice(0, limits.next);
  const when = (at: number): string =>
    screen.isTerminal ? shortLocal(at, { now, zone, home: zone }) : readableLocal(at, zone);
  const table = columnTable(
    [
      { title: "NEXT", cells: shown.map(({ job }) => job.id), shrink: 1, min: 24 },
      { title: "IN", cells: shown.map(({ at }) => distanceText(at - now)) },
      { title: "WHEN", cells: shown.map(({ at }) => when(at)), drop: 2 },
    ],
    screen,
  );
  const more = restText(rest + others.length - shown.length, screen, "petit next");
  return `${table}${frequentText(frequent, shown.length > 0, screen, limits === ALL ? null : MAX_FREQUENT)}${more}`;
};

/** Number of frequent jobs that are named. */
const MAX_FREQUENT = 3;

/** The jobs that come next, the first ones first. */
type Coming = {
  readonly frequent: readonly { readonly jobId: string; readonly everyMs: number }[];
  readonly others: readonly ComingJob[];
  /** How many more jobs come later. */
  readonly rest: number;
};

type ComingJob = ReturnType<typeof comingJobs>[number];

/** Occurrences of a frequent job are always among the next ones, so that later jobs need not be looked at. */
const splitByFrequency = (coming: readonly ComingJob[], limit: number, { now, zone }: OverviewTextOptions): Coming => {
  const frequent: Coming["frequent"][number][] = [];
  const others: ComingJob[] = [];
  for (const each of coming) {
    const isLater = others.length >= limit && each.at - now > FREQUENT_WITHIN_MS;
    // An older petit does not send the interval.
    const everyMs = each.job.every_ms ?? (isLater ? null : intervalOf(each, zone));
    if (everyMs !== null) frequent.push({ jobId: each.job.id, everyMs });
    else if (others.length < limit) others.push(each);
  }
  return { frequent, others, rest: coming.length - frequent.length - others.length };
};

const FREQUENT_WITHIN_MS = 600_000;

const intervalOf = ({ job: { schedule, timezone }, at }: ComingJob, zone: string): number | null =>
  schedule === null ? null : frequentIntervalMs(compileSchedule({ expressions: schedule, timezone }, zone), at - 1);
