import type { Queues } from "../../domain/limits/queue.ts";
import type { Declaration } from "../declaration.ts";
import { listed, nearest } from "../hints.ts";
import type { Conflict } from "../problem.ts";

/** Checks that each queue that a job names is configured. */
export const checkQueues = (declarations: readonly Declaration[], queues: Queues): readonly Conflict[] => {
  const names = [...queues.keys()].sort();
  return declarations.flatMap(({ file, queue }) => {
    if (queue === null || queues.has(queue.name)) return [];
    const message = `there is no queue '${queue.name}'; ${expected(queue.name, names)}`;
    return [{ problem: { file, ...queue.position, path: queue.path, message }, files: [file] }];
  });
};

const expected = (name: string, names: readonly string[]): string => {
  if (names.length === 0)
    return `none is configured; expected \`queues: {${name}: N}\` in the configuration file, or --queue ${name}=N`;
  const near = nearest(name, names);
  return `${near === null ? "" : `did you mean '${near}'? `}expected one of ${listed(names)}`;
};
