import type { ReactNode } from "react";
import { triggerText } from "../../domain/words/deliveries/trigger.ts";
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
