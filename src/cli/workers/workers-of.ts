import type { TaskBody } from "../client/run-snapshot.ts";

/** Returns the workers of attempts, in order, without repetitions in a row. */
export const workersOf = (attempts: TaskBody["attempt_list"]): readonly string[] =>
  attempts.flatMap(({ worker }, index) => (worker === null || worker === attempts[index - 1]?.worker ? [] : [worker]));
