import type { TaskRunData } from "../data/shapes.ts";
import { durationText, valueText } from "../ui/text/format.ts";

type ComparedRun = { readonly params: Readonly<Record<string, string>> };

type Compared = {
  readonly run: ComparedRun;
  readonly tasks: readonly TaskRunData[];
};

/** What differs between two runs: `name` changed from `before` to `after`; null if it did not exist. */
export type RunDifference = {
  readonly kind: "param" | "duration";
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
};

/** Returns what differs between a run and an earlier one: params, and tasks that took much longer or shorter. */
export const differencesOf = (now: Compared, before: Compared): readonly RunDifference[] => [
  ...paramDifferences(now.run.params, before.run.params),
  ...durationDifferences(now.tasks, before.tasks),
];

const paramDifferences = (now: ComparedRun["params"], before: ComparedRun["params"]): readonly RunDifference[] =>
  [...new Set([...Object.keys(now), ...Object.keys(before)])]
    .filter((name) => now[name] !== before[name])
    .map((name) => ({ kind: "param", name, before: textOf(before[name]), after: textOf(now[name]) }));

const textOf = (value: string | undefined): string | null => (value === undefined ? null : valueText(value));

/** Smaller differences are noise. */
const MIN_MS = 1_000;
const MIN_RATIO = 2;
const MAX_TASKS = 3;

const durationDifferences = (now: readonly TaskRunData[], before: readonly TaskRunData[]): readonly RunDifference[] => {
  const earlier = new Map(before.map((task) => [task.task_id, task.duration_ms]));
  return now
    .flatMap(({ task_id, name, duration_ms, reused }) => {
      const then = earlier.get(task_id);
      if (then == null || duration_ms === null || reused) return [];
      return isMuch(duration_ms, then) ? [{ name, then, took: duration_ms }] : [];
    })
    .toSorted((a, b) => Math.abs(b.took - b.then) - Math.abs(a.took - a.then))
    .slice(0, MAX_TASKS)
    .map(({ name, then, took }) => ({
      kind: "duration",
      name,
      before: durationText(then),
      after: durationText(took),
    }));
};

const isMuch = (a: number, b: number): boolean =>
  Math.abs(a - b) >= MIN_MS && Math.max(a, b) >= MIN_RATIO * Math.min(a, b);
