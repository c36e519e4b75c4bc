import type { Problem } from "../jobfile/problem.ts";
import type { Clock } from "../lib/clock.ts";
import type { Store } from "../store/store.ts";
import type { Health } from "./engine.ts";

/** Whether the database can be written, and whether all job files are good; asking tries both. */
export const healthOf = (options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly problems: readonly Problem[];
}): Health => {
  const { store, clock, problems } = options;
  try {
    store.probe(clock.now());
  } catch (error) {
    return { status: "unavailable", reasons: [error instanceof Error ? error.message : String(error)] };
  }
  if (problems.length === 0) return { status: "ok", reasons: [] };
  const files = [...new Set(problems.map(({ file }) => file))];
  return { status: "degraded", reasons: files.map((file) => reasonOf(file, problems)) };
};

const reasonOf = (file: string, problems: readonly Problem[]): string => {
  const [first, ...others] = problems.filter((problem) => problem.file === file);
  const where = first === undefined ? file : `${file}:${first.line}:${first.column}`;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `job file is broken: ${where}: ${[first?.path, first?.message].filter(Boolean).join(": ")}${more}`;
};
