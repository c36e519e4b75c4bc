import { setTimeout } from "node:timers/promises";
import { defaultZone } from "../../app/settings/settings.ts";
import { onSignal } from "../../app/signals.ts";
import { Simulation } from "../../app/simulation/simulation.ts";
import { withoutTasks } from "../../app/simulation/stand-in.ts";
import { COMPLETES, stubDriver } from "../../app/simulation/stub-driver.ts";
import type { Event } from "../../domain/event.ts";
import type { Job } from "../../domain/job.ts";
import { scheduleNote } from "../../domain/schedule/daylight-saving-note.ts";
import { localTime } from "../../domain/schedule/local-time.ts";
import { formatDuration } from "../../lib/duration.ts";
import { pluralize } from "../../lib/text.ts";
import type { Context } from "../command.ts";
import type { ExitStatus } from "../exit.ts";
import { readJobs, warnOfProblems } from "../job-folder.ts";
import { paint } from "../terminal/terminal.ts";
import type { DryRun } from "./flags.ts";
import { type LocalChange, zoneChanges } from "./zone-changes.ts";

/** Lives through a time without starting processes, and prints what would have started. Returns 1 if a job file has a problem. */
export const dryRun = async (dir: string, plan: DryRun, context: Context): Promise<ExitStatus> => {
  const { settings, runtime, environment, terminal } = context;
  const files = await readJobs(dir);
  const zone = defaultZone(settings);
  const report = new DryRunReport(files.jobs, zone, context);
  await using simulation = await Simulation.start({
    settings,
    runtime,
    environment,
    jobsDir: dir,
    jobs: files.jobs.map(withoutTasks),
    // What is due when it begins counts.
    now: plan.from - 1,
    followSchedules: true,
    attempts: (local) => stubDriver({ local, stubOf: () => COMPLETES }),
  });
  report.begin(plan);
  simulation.engine.onEvent((event) => report.note(event, simulation));
  const zones = new Set(files.jobs.flatMap(({ schedule }) => (schedule === null ? [] : [schedule.timezone ?? zone])));
  for (const change of zoneChanges(zones, plan.from, plan.to))
    simulation.at(change.at, () => report.clockChange(change));
  await livesThrough(simulation, plan);
  report.end(simulation.clock.now() + 1 - plan.from);
  return warnOfProblems(files, { dir, err: terminal.err });
};

/** Lets the time of a dry run pass, until a signal. */
const livesThrough = async (simulation: Simulation, { from, to, speed }: DryRun): Promise<void> => {
  const interrupted = Promise.withResolvers<"interrupted">();
  using _ = onSignal(() => interrupted.resolve("interrupted"));
  const startedAt = performance.now();
  for (let isOver = false; !isOver; ) {
    const passed = speed === null ? to - from : (performance.now() - startedAt) * speed;
    const until = Math.floor(Math.min(to, from + passed)) - 1;
    isOver = (await simulation.until(interrupted.promise, until)) !== null || until === to - 1;
    if (!isOver) isOver = (await Promise.race([interrupted.promise, setTimeout(STEP_MS)])) !== undefined;
  }
};

/** How often a dry run looks how much time has passed, in ms. */
const STEP_MS = 50;

/** Writes what happens in a dry run, and counts it. */
class DryRunReport {
  readonly #jobs: ReadonlyMap<string, Job>;
  readonly #zone: string;
  readonly #context: Context;
  readonly #started = new Map<string, number>();
  #unfired = 0;
  /** Until when the decided occurrences of each job are reported. */
  readonly #reported = new Map<string, number>();

  constructor(jobs: readonly Job[], zone: string, context: Context) {
    this.#jobs = new Map(jobs.map((job) => [job.id, job]));
    this.#zone = zone;
    this.#context = context;
  }

  begin({ from, to }: DryRun): void {
    const { err } = this.#context.terminal;
    const span = `${localTime(from, this.#zone)} to ${localTime(to, this.#zone)}, ${this.#zone}`;
    err.write(`${paint(err, "bold", "dry run")} from ${span}: no task is started\n`);
  }

  note({ type, jobId, runId, at }: Event, { engine: { store } }: Simulation): void {
    if (jobId === null) return;
    if (type === "occurrence") {
      const since = this.#reported.get(jobId) ?? Number.NEGATIVE_INFINITY;
      const decided = store.occurrences.list(jobId, { limit: MAX_UNFIRED });
      for (const { scheduledFor, outcome, reason } of decided.toReversed())
        if (scheduledFor > since && outcome !== "fired") this.#writeUnfired(jobId, { scheduledFor, outcome, reason });
      this.#reported.set(jobId, decided[0]?.scheduledFor ?? since);
    }
    const run = type === "run.started" && runId !== null ? store.runs.find(runId) : null;
    if (run === null) return;
    this.#started.set(jobId, (this.#started.get(jobId) ?? 0) + 1);
    const { trigger, scheduledFor } = run;
    const timezone = this.#timezoneOf(jobId);
    const { schedule = null } = this.#jobs.get(jobId) ?? {};
    const startedAt = run.startedAt ?? at;
    const note = scheduledFor === null || schedule === null ? null : scheduleNote(schedule, scheduledFor, timezone);
    const local = localTime(scheduledFor ?? startedAt, timezone);
    this.#write(
      {
        type: "run",
        job_id: jobId,
        trigger,
        scheduled_for: scheduledFor,
        started_at: startedAt,
        local,
        timezone,
        note,
      },
      [
        local,
        timezone,
        jobId,
        [
          trigger === "schedule" ? null : `by its ${trigger} trigger`,
          scheduledFor === null || startedAt === scheduledFor ? null : laterText(startedAt - scheduledFor),
          note,
        ],
      ],
    );
  }

  #writeUnfired(
    jobId: string,
    {
      scheduledFor,
      outcome,
      reason,
    }: { readonly scheduledFor: number; readonly outcome: string; readonly reason: string | null },
  ): void {
    this.#unfired++;
    const timezone = this.#timezoneOf(jobId);
    const local = localTime(scheduledFor, timezone);
    this.#write({ type: outcome, job_id: jobId, reason, scheduled_for: scheduledFor, local, timezone }, [
      local,
      timezone,
      jobId,
      [`${outcome}: ${reason}`],
    ]);
  }

  clockChange({ timezone, at, byMs }: LocalChange): void {
    const direction = byMs > 0 ? "forward" : "back";
    const local = localTime(at, timezone);
    this.#write({ type: "clock_change", timezone, at, local, by_ms: byMs }, [
      local,
      timezone,
      "",
      [`the clock goes ${direction} by ${formatDuration(Math.abs(byMs))}`],
    ]);
  }

  end(passedMs: number): void {
    const { json, terminal } = this.#context;
    const runs = [...this.#started.values()].reduce((sum, count) => sum + count, 0);
    if (json) {
      const summary = { passed_ms: passedMs, runs, jobs: Object.fromEntries(this.#started), unfired: this.#unfired };
      terminal.out.write(`${JSON.stringify({ type: "summary", ...summary })}\n`);
      return;
    }
    const unfired = this.#unfired === 0 ? "" : `; ${pluralize(this.#unfired, "occurrence")} would have started none`;
    terminal.err.write(
      `in ${formatDuration(passedMs)}, ${pluralize(runs, "run")} of ${pluralize(this.#started.size, "job")} would have started${unfired}\n`,
    );
  }

  #timezoneOf(jobId: string): string {
    return this.#jobs.get(jobId)?.schedule?.timezone ?? this.#zone;
  }

  #write(
    fields: object,
    [local, timezone, jobId, notes]: readonly [string, string, string, readonly (string | null)[]],
  ): void {
    const { json, terminal } = this.#context;
    const { out } = terminal;
    if (json) {
      out.write(`${JSON.stringify(fields)}\n`);
      return;
    }
    const note = notes.filter((each) => each !== null).join("; ");
    const width = Math.max(...[...this.#jobs.keys()].map((id) => id.length), 0);
    const name = note === "" ? jobId : jobId.padEnd(width);
    out.write(
      `${local}  ${paint(out, "dim", timezone)}  ${name}${note === "" ? "" : `  ${paint(out, "yellow", note)}`}\n`,
    );
  }
}

/** A delay of less than a second is no news. */
const laterText = (delayMs: number): string | null => {
  const seconds = Math.floor(delayMs / 1_000);
  return seconds === 0 ? null : `starts ${formatDuration(seconds * 1_000)} later`;
};

/** The most occurrences of a job that are decided at once. */
const MAX_UNFIRED = 1_000;
