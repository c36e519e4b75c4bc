import type { ReactNode } from "react";
import { parseIoClass, type TaskLimits } from "../../domain/limits/task-limits.ts";
import { triggerText } from "../../domain/words/deliveries/trigger.ts";
import { limitsText } from "../../domain/words/task.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { JobDetail } from "../data/shapes.ts";
import { counted, valueText } from "../ui/text/format.ts";

/** Shows the settings of a job. */
export const SettingsCard = ({ job }: { readonly job: JobDetail }) => (
  <section className="card" aria-labelledby="settings">
    <h2 id="settings">Settings</h2>
    <dl className="facts">
      <Fact name="Concurrent runs">
        {job.max_concurrency === null ? "unlimited" : counted(job.max_concurrency, "run")}
      </Fact>
      {triggersOf(job).map((text) => (
        <Fact key={text} name="Started by">
          {text}
        </Fact>
      ))}
      {job.max_concurrency !== null && job.schedule !== null && (
        <Fact name="On overlap">{OVERLAP_TEXT[job.on_overlap]}</Fact>
      )}
      {job.queue !== null && <Fact name="Queue">{job.queue}</Fact>}
      {job.priority !== 0 && <Fact name="Priority">{job.priority}</Fact>}
      <Fact name="Timeout">{job.timeout_ms === null ? "none" : formatDuration(job.timeout_ms)}</Fact>
      {job.warn_after_ms !== null && <Fact name="Late after">{formatDuration(job.warn_after_ms)}</Fact>}
      {job.expect != null && <Fact name="Completes within">{formatDuration(job.expect.success_within_ms)}</Fact>}
      {job.kill_grace_ms !== null && <Fact name="Kill grace">{formatDuration(job.kill_grace_ms)}</Fact>}
      {job.catchup !== null && (
        <Fact name="Catch-up">
          {job.catchup}
          {job.catchup !== "none" &&
            job.catchup_window_ms !== null &&
            `, within ${formatDuration(job.catchup_window_ms)}`}
        </Fact>
      )}
      {job.jitter_ms !== null && job.jitter_ms > 0 && <Fact name="Jitter">up to {formatDuration(job.jitter_ms)}</Fact>}
      {job.except.length > 0 && <Fact name="Not on">{exceptText(job.except)}</Fact>}
      {taskFacts(job.tasks).map(({ name, text, of }) => (
        <Fact key={`${name} ${text}`} name={name}>
          {text}
          {of !== null && ` (${of})`}
        </Fact>
      ))}
      {job.on_interrupt !== null && <Fact name="When interrupted">{job.on_interrupt}</Fact>}
      <Fact name="Retention">{retentionText(job)}</Fact>
      {job.notify.map(({ type, target, on }) => (
        <Fact key={`${type} ${target} ${on.join()}`} name="Notifies">
          {type} {target} on {on.join(", ")}
        </Fact>
      ))}
      {Object.entries(job.params).map(([name, param]) => (
        <Fact key={name} name={`Param ${name}`}>
          {param.enum?.join(" | ") ?? param.pattern ?? "any text"}
          {param.default !== null && `, default ${valueText(param.default)}`}
          {param.required && ", required"}
        </Fact>
      ))}
    </dl>
  </section>
);

/** Each once: two webhooks differ in their path, but two triggers may follow the same job. An older petit has no triggers. */
const triggersOf = ({ triggers = [] }: Partial<Pick<JobDetail, "triggers">>): readonly string[] => [
  ...new Set(triggers.map(triggerText)),
];

type TaskFact = {
  readonly name: string;
  readonly text: string;
  /** The tasks that it is about; null if it is about each of them. */
  readonly of: string | null;
};

const MAX_TASKS = 3;

/** Returns the limits, the users and the leftovers of tasks as texts, and the tasks that have each text. */
const taskFacts = (tasks: JobDetail["tasks"]): readonly TaskFact[] =>
  Object.entries(OF_TASK).flatMap(([name, textOf]) => {
    const byText = Map.groupBy(tasks, textOf);
    return [...byText].flatMap(([text, having]) => {
      if (text === null) return [];
      const ids = having.slice(0, MAX_TASKS).map(({ id }) => id);
      const more = having.length - ids.length;
      const of = more > 0 ? [...ids, `${more} more`] : ids;
      return [{ name, text, of: having.length === tasks.length ? null : of.join(", ") }];
    });
  });

/** An older petit has none of these fields. */
type OlderTask = Partial<Pick<JobDetail["tasks"][number], "limits" | "run_as" | "leftovers">>;

const OF_TASK: Readonly<Record<string, (task: OlderTask) => string | null>> = {
  Limits: ({ limits }) => (limits == null ? null : limitsText(limitsOf(limits)) || null),
  "Runs as": ({ run_as }) => run_as ?? null,
  Leftovers: ({ leftovers }) => (leftovers === "kill" ? "are ended with the task" : null),
};

const limitsOf = ({ memory_bytes, cpus, pids, nice, io, enforce }: NonNullable<OlderTask["limits"]>): TaskLimits => {
  const ioClass = io === null ? null : parseIoClass(io);
  return {
    ...(memory_bytes !== null && { memoryBytes: memory_bytes }),
    ...(cpus !== null && { cpus }),
    ...(pids !== null && { pids }),
    ...(nice !== null && { nice }),
    ...(ioClass !== null && { io: ioClass }),
    enforce,
  };
};

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div className="shortcut">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const OVERLAP_TEXT = {
  skip: "skip the occurrence",
  queue: "queue the occurrence",
  replace: "replace the running run",
} as const satisfies Record<JobDetail["on_overlap"], string>;

const MAX_DATES = 5;

/** Names the next dates; the first ones if all are past. */
const exceptText = (dates: readonly string[]): string => {
  const today = new Date().toISOString().slice(0, 10);
  const next = dates.filter((date) => date >= today);
  const shown = (next.length > 0 ? next : dates).slice(0, MAX_DATES);
  return shown.length === dates.length ? shown.join(", ") : `${shown.join(", ")}, of ${counted(dates.length, "date")}`;
};

const limitText = (limit: number | "all" | null, unit: string): string | null =>
  limit === null ? null : limit === "all" ? `all ${unit}s` : counted(limit, unit);

const retentionText = ({ retention: { runs, days } }: JobDetail): string => {
  const limits = [limitText(runs, "run"), limitText(days, "day")];
  const own = limits.filter((part) => part !== null);
  return own.length === 0 ? "default of petit" : own.join(", ");
};
