import type { ComparisonData } from "../data/shapes.ts";
import { durationText, valueText } from "../ui/text/format.ts";

/** What differs between two runs: `name` changed from `before` to `after`; null if it did not exist. */
export type RunDifference = {
  readonly kind: "param" | "duration";
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
};

type Compared = Pick<ComparisonData, "params" | "tasks">;

/** Returns the params that differ, and the tasks that took much longer or shorter. */
export const differencesOf = (
  { params, tasks }: Compared,
  names: ReadonlyMap<string, string>,
): readonly RunDifference[] => [
  ...params.map(({ name, before, after }) => ({
    kind: "param" as const,
    name,
    before: textOf(before),
    after: textOf(after),
  })),
  ...durationDifferences(tasks, names),
];

const textOf = (value: string | null): string | null => (value === null ? null : valueText(value));

/** Smaller differences are noise. */
const MIN_MS = 1_000;
const MIN_RATIO = 2;
const MAX_TASKS = 3;

const durationDifferences = (tasks: Compared["tasks"], names: ReadonlyMap<string, string>): readonly RunDifference[] =>
  tasks
    .flatMap(({ task_id, duration_ms: took, duration_before_ms: then }) =>
      took !== null && then !== null && isMuch(took, then) ? [{ name: names.get(task_id) ?? task_id, then, took }] : [],
    )
    .toSorted((a, b) => Math.abs(b.took - b.then) - Math.abs(a.took - a.then))
    .slice(0, MAX_TASKS)
    .map(({ name, then, took }) => ({
      kind: "duration",
      name,
      before: durationText(then),
      after: durationText(took),
    }));

const isMuch = (a: number, b: number): boolean =>
  Math.abs(a - b) >= MIN_MS && Math.max(a, b) >= MIN_RATIO * Math.min(a, b);
