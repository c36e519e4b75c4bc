import type { AttemptData, TaskRunData } from "../../data/shapes.ts";

/**
 * An interval in the time of a task:
 * `upstream` it waits for its dependencies · `slot` it is ready and waits for a slot · `worker` it waits for a worker ·
 * `attempt` it runs · `backoff` it waits for the next attempt · `items` its items run · `approval` it waits for a person.
 */
export type TaskInterval =
  | {
      readonly kind: "upstream" | "slot" | "worker" | "backoff" | "items" | "approval";
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: "attempt"; readonly from: number; readonly to: number; readonly attempt: AttemptData };

type Span = { readonly startedAt: number; readonly now: number };

/** Returns the intervals of a task in order; an open interval ends at `now`. */
export const intervalsOf = (
  task: TaskRunData,
  tasks: readonly TaskRunData[],
  { startedAt, now }: Span,
): readonly TaskInterval[] => {
  if (task.reused) return [];
  const attempts = task.attempt_list.map(
    (attempt): TaskInterval => ({ kind: "attempt", attempt, from: attempt.started_at, to: attempt.ended_at ?? now }),
  );
  const own = ownInterval(task, now);
  const begin = attempts[0]?.from ?? own?.from ?? task.ended_at ?? now;
  const ready = task.status === "skipped" ? null : readyAt(task, tasks, startedAt);
  const kind = task.waits_for !== null || task.attempt_list[0]?.worker != null ? "worker" : "slot";
  return [
    ...waitsOf({ ready, begin, startedAt, kind }),
    ...withBackoffs(attempts, task, now),
    ...(own === null ? [] : [own]),
  ].filter((each) => each.to > each.from || each.kind === "attempt");
};

/** Returns the interval of a task that has no attempts of its own: it has items, or asks a person. */
const ownInterval = (task: TaskRunData, now: number): TaskInterval | null => {
  const { items, approval, started_at, ended_at } = task;
  if (started_at === null || (items === null && approval === null)) return null;
  return { kind: items === null ? "approval" : "items", from: started_at, to: ended_at ?? now };
};

/** Returns when the last dependency ended, or null while one is not done. */
const readyAt = (task: TaskRunData, tasks: readonly TaskRunData[], startedAt: number): number | null => {
  const upstreams = tasks.filter(({ task_id }) => task.depends_on.includes(task_id));
  if (upstreams.some(({ status }) => status === "pending" || status === "running")) return null;
  return Math.max(
    startedAt,
    ...upstreams.map(({ ended_at, reused }) => (reused ? startedAt : (ended_at ?? startedAt))),
  );
};

type Waits = {
  /** When its dependencies were done; null while they are not. */
  readonly ready: number | null;
  /** Start of its first attempt. */
  readonly begin: number;
  readonly startedAt: number;
  /** What it waits for when it is ready. */
  readonly kind: "slot" | "worker";
};

const waitsOf = ({ ready, begin, startedAt, kind }: Waits): readonly TaskInterval[] => {
  const until = Math.min(ready ?? begin, begin);
  return [
    { kind: "upstream", from: startedAt, to: until },
    { kind, from: until, to: begin },
  ];
};

const withBackoffs = (
  attempts: readonly TaskInterval[],
  { status, retry_at }: TaskRunData,
  now: number,
): readonly TaskInterval[] => {
  const last = attempts.at(-1);
  const between = attempts.flatMap((attempt, index): readonly TaskInterval[] => {
    const before = attempts[index - 1];
    return before === undefined ? [attempt] : [{ kind: "backoff", from: before.to, to: attempt.from }, attempt];
  });
  const isWaiting = status === "running" && retry_at !== null && last !== undefined;
  return isWaiting ? [...between, { kind: "backoff", from: last.to, to: now }] : between;
};
