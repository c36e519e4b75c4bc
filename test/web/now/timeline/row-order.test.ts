import { expect, test } from "bun:test";
import { orderRows } from "../../../../src/web/now/timeline/row-order.ts";

test("the rows of the timeline are in the order of their names, and pinned ones come first", () => {
  const row = (job_id: string, name: string) => ({ job_id, name });
  const rows = [row("a", "Zoo"), row("b", "job 10"), row("c", "job 9"), row("d", "Apple")];
  const order = (pinned: readonly string[]) => orderRows(rows, new Set(pinned)).map(({ name }) => name);
  expect(order([])).toEqual(["Apple", "job 9", "job 10", "Zoo"]);
  expect(order(["a", "b", "unknown"])).toEqual(["job 10", "Zoo", "Apple", "job 9"]);
});
