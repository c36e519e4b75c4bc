import { readableLocal } from "../terminal/local-time.ts";
import { pluralize } from "../terminal/pluralize.ts";
import { whyShutNow } from "./gate.ts";
import type { JobFacts } from "./job-facts.ts";
import type { TimeContext } from "./summary.ts";

/** Returns what prevents or affects the job's next run, one sentence each, with the way to change it. */
export const findBlockers = (facts: JobFacts, time: TimeContext): readonly string[] => [
  ...schedulerBlockers(facts, time),
  ...jobBlockers(facts),
  ...gateBlockers(facts, time.now),
  ...limitBlockers(facts),
];

const schedulerBlockers = (facts: JobFacts, { zone }: TimeContext): readonly string[] => {
  const { state, health } = facts;
  const blockers: string[] = [];
  if (health.kind === "petit" && health.status === "unavailable")
    blockers.push(
      `petit can't store runs, so it starts none: ${health.reasons.map(({ message }) => message).join("; ")}`,
    );
  if (state === "stopped") blockers.push("petit is starting or stopping");
  if (state === "paused") {
    const since = pausedSince(facts);
    const sinceText = since === null ? "" : ` since ${readableLocal(since, zone)} or earlier`;
    blockers.push(
      `the scheduler is paused${sinceText}: occurrences are skipped, but triggers work; run 'petit resume' to continue`,
    );
  }
  return blockers;
};

/** Returns the oldest of the latest occurrences that the pause skipped, in ms since the Unix epoch, or null. */
const pausedSince = ({ occurrences }: JobFacts): number | null => {
  const other = occurrences.findIndex(({ reason }) => reason !== "paused");
  return occurrences.slice(0, other === -1 ? undefined : other).at(-1)?.scheduled_for ?? null;
};

const jobBlockers = ({ job, health }: JobFacts): readonly string[] => {
  const blockers: string[] = [];
  if (job.scheduled && !job.enabled)
    blockers.push(
      `the job is disabled: its schedule is ignored, but triggers work; set 'enabled: true' in ${job.source.file}`,
    );
  const reasons = health.kind === "petit" ? health.reasons : [];
  const broken = reasons.find((reason) => reason.code === "job_file_broken" && covers(reason.file, job.source.file));
  if (broken !== undefined) blockers.push(`petit uses the job's last valid version, because its ${broken.message}`);
  return blockers;
};

/** Returns whether a problem of `path`, a file or a folder, affects the file. */
const covers = (path: string, file: string): boolean => path === file || path === "." || file.startsWith(`${path}/`);

const gateBlockers = ({ gates }: JobFacts, now: number): readonly string[] =>
  gates
    .map((gate) => whyShutNow(gate, now))
    .filter((reason) => reason !== null)
    .map((reason) => `a gate is shut: ${reason}`);

const limitBlockers = ({ job, pending }: JobFacts): readonly string[] => {
  const { running, max_concurrency: max } = job;
  const waiting =
    pending === 0 ? "" : `, and ${pluralize(pending, "run")} of the job ${pending === 1 ? "waits" : "wait"}`;
  if (max !== null && running + pending >= max) {
    return [
      `max_concurrency is reached: ${running} of ${max} allowed runs of the job ${running === 1 ? "is" : "are"} running${waiting}`,
    ];
  }
  return pending === 0 ? [] : [`all slots for runs (--max-jobs) are taken${waiting}`];
};
