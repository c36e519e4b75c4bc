import type { ResponseBody } from "../../client/routes.ts";

type Line = Pick<
  ResponseBody<"get", "/api/runs/:run_id/lines">["lines"][number],
  "seq" | "task_id" | "item_key" | "attempt" | "stream"
>;

/** Returns the number of a line in its run, and who wrote it. */
export const lineLabel = ({ seq, task_id, item_key: item, attempt, stream }: Line): string => {
  const which = item === undefined ? "" : `[${item.slice(0, 40)}]`;
  return `${seq} ${task_id}${which}/${attempt} ${stream}`;
};
