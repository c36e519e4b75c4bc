import { readableLocal } from "../terminal/local-time.ts";
import { pluralize } from "../terminal/pluralize.ts";
import { shutNow } from "./gate.ts";
import type { Material } from "./material.ts";
import type { When } from "./words.ts";

/** What stands in the way of the job's next run, a sentence each, with what ends it; empty where nothing does. */
export const obstacles = (material: Material, when: When): readonly string[] => [
  ...ofScheduler(material, when),
  ...ofJob(material),
  ...ofGates(material, when.now),
  ...ofLimits(material),
];

const ofScheduler = (material: Material, { zone }: When): readonly string[] => {
  const { state, health } = material;
  const found: string[] = [];
  if (health.kind === "petit" && health.status === "unavailable")
    found.push(`nothing can be stored, so nothing starts: ${health.reasons.map(({ message }) => message).join("; ")}`);
  if (state === "stopped") found.push("petit is starting or stopping");
  if (state === "paused") {
    const since = pausedSince(material);
    const long = since === null ? "" : `, at least since ${readableLocal(since, zone)}`;
    found.push(`the scheduler is paused${long}: occurrences are skipped, triggers work; 'petit resume' ends that`);
  }
  return found;
};

/** The oldest of the latest occurrences that were skipped for it, ms since the epoch; null where none was yet. */
const pausedSince = ({ occurrences }: Material): number | null => {
  const other = occurrences.findIndex(({ reason }) => reason !== "paused");
  return occurrences.slice(0, other === -1 ? undefined : other).at(-1)?.scheduled_for ?? null;
};

const ofJob = ({ job, health }: Material): readonly string[] => {
  const found: string[] = [];
  if (job.scheduled && !job.enabled)
    found.push(
      `it is disabled: its schedule doesn't count, triggers work; 'enabled: true' in ${job.source.file} ends that`,
    );
  const reasons = health.kind === "petit" ? health.reasons : [];
  const broken = reasons.find((reason) => reason.code === "job_file_broken" && covers(reason.file, job.source.file));
  if (broken !== undefined) found.push(`its last good version counts, since its ${broken.message}`);
  return found;
};

/** A problem of a folder is a problem of all files in it. */
const covers = (path: string, file: string): boolean => path === file || path === "." || file.startsWith(`${path}/`);

const ofGates = ({ gates }: Material, now: number): readonly string[] =>
  gates
    .map((gate) => shutNow(gate, now))
    .filter((why) => why !== null)
    .map((why) => `a gate is shut: ${why}`);

const ofLimits = ({ job, pending }: Material): readonly string[] => {
  const { running, max_concurrency: most } = job;
  const waiting = pending === 0 ? "" : `, and ${pluralize(pending, "run")} of it ${pending === 1 ? "waits" : "wait"}`;
  if (most !== null && running + pending >= most) {
    return [
      `${pluralize(running, "run")} of ${most} at once (max_concurrency) ${running === 1 ? "goes" : "go"} on${waiting}`,
    ];
  }
  return pending === 0 ? [] : [`all places for runs (--max-jobs) are taken${waiting}`];
};
