import type { Blocker } from "../../domain/words/blocker.ts";
import type { BlockerFacts, GateFacts } from "./facts.ts";
import { whyShutNow } from "./gate.ts";

/** Returns what prevents or affects the job's next run. `now` is in ms since the Unix epoch. */
export const findBlockers = (facts: BlockerFacts, now: number): readonly Blocker[] => {
  const { job } = facts;
  // A job that is gone has no next run, whatever else is wrong.
  if (job.gone) return [{ code: "job_gone", since: job.gone_at }];
  return [
    ...schedulerBlockers(facts),
    ...jobBlockers(facts),
    ...knownGates(facts).flatMap((gate): readonly Blocker[] => {
      const why = whyShutNow(gate, now);
      return why === null ? [] : [{ code: "gate_shut", jobId: gate.gate.job_id, why }];
    }),
    ...(job.hidden_gate_shut === true ? [{ code: "hidden_gate_shut" } as const] : []),
    ...limitBlockers(facts),
  ];
};

/** Returns the gates without those on jobs that the person may not know of. */
export const knownGates = ({ job, gates }: Pick<BlockerFacts, "job" | "gates">): readonly GateFacts[] =>
  job.hidden_gate_shut === undefined ? gates : gates.filter(({ runs }) => runs !== null);

const schedulerBlockers = ({ state, pause, health, occurrences }: BlockerFacts): readonly Blocker[] => [
  ...(health?.status === "unavailable"
    ? [{ code: "storage", problems: health.reasons.map(({ message }) => message) } as const]
    : []),
  ...(state === "stopped" ? [{ code: "stopped" } as const] : []),
  ...(state === "paused"
    ? [{ code: "scheduler_paused", since: pause.at, skippedSince: skippedSince(occurrences), by: pause.by } as const]
    : []),
];

/** Returns the oldest of the latest occurrences that the pause skipped, in ms since the Unix epoch, or null. */
const skippedSince = (occurrences: BlockerFacts["occurrences"]): number | null => {
  const other = occurrences.findIndex(({ reason }) => reason !== "paused");
  return occurrences.slice(0, other === -1 ? undefined : other).at(-1)?.scheduled_for ?? null;
};

const jobBlockers = ({ job, health, attention }: BlockerFacts): readonly Blocker[] => {
  const blockers: Blocker[] = [];
  if (job.paused) blockers.push({ code: "job_paused", jobId: job.id, since: job.paused_at, by: job.paused_by });
  if (job.scheduled && !job.enabled) blockers.push({ code: "job_disabled", file: job.source.file });
  const broken = health?.reasons.find(
    (reason) => reason.code === "job_file_broken" && covers(reason.file, job.source.file),
  );
  if (broken !== undefined) blockers.push({ code: "file_broken", problem: broken.message });
  for (const { kind, id, message } of attention)
    if (kind === "trigger_failing") blockers.push({ code: "trigger_failing", id, problem: message });
  return blockers;
};

/** Returns whether a problem of `path`, a file or a folder, affects the file. */
const covers = (path: string, file: string): boolean => path === file || path === "." || file.startsWith(`${path}/`);

const limitBlockers = ({ job, waiting, queue }: BlockerFacts): readonly Blocker[] => {
  const { running, max_concurrency: max } = job;
  const { count: pending, waitsFor } = waiting;
  const blockers: Blocker[] = [];
  if (max !== null && running + pending >= max) blockers.push({ code: "max_concurrency", running, max, pending });
  if (queue !== null && (queue.running >= queue.limit || waitsFor.some((each) => each?.code === "queue")))
    blockers.push({
      code: "queue_full",
      queue: queue.name,
      running: queue.running,
      max: queue.limit,
      pending: queue.pending,
    });
  if (waitsFor.some((each) => each?.code === "max_jobs")) blockers.push({ code: "slots_taken", pending });
  return blockers;
};
