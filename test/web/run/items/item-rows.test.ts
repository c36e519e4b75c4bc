import { describe, expect, test } from "bun:test";
import {
  itemLink,
  itemPlace,
  itemsText,
  positionAfterFailed,
  tasksWithItems,
} from "../../../../src/web/run/items/item-rows.ts";

const COUNTS = { total: 1_200, pending: 3, running: 2, completed: 1_190, failed: 4, skipped: 1 };

describe("the items of a task", () => {
  test("are counted as ended out of all", () => {
    expect(itemsText(COUNTS)).toBe("1,195/1,200, 4 failed");
    expect(itemsText({ total: 2, pending: 2, running: 0, completed: 0, failed: 0, skipped: 0 })).toBe("0/2");
  });

  test("are shown for tasks that have some", () => {
    const none = { total: 0, pending: 0, running: 0, completed: 0, failed: 0, skipped: 0 };
    const tasks = [
      { id: "plain", items: null },
      { id: "empty", items: none },
      { id: "each", items: COUNTS },
    ];
    expect(tasksWithItems(tasks)).toEqual([{ id: "each", items: COUNTS }]);
  });

  test("are loaded in pages", () => {
    expect(itemPlace(0)).toEqual({ page: 0, at: 0 });
    expect(itemPlace(401)).toEqual({ page: 2, at: 1 });
  });

  test("have a link to their log, which keeps the other parameters", () => {
    const query = new URLSearchParams("tab=items&task=old&item=4&attempt=2&stream=stderr");
    expect(itemLink(query, { taskId: "each", index: 7 })).toBe("tab=items&task=each&item=7&stream=stderr");
    expect(itemLink(query, { taskId: "each", index: null })).toBe("tab=items&task=each&stream=stderr");
  });

  test("come after the failed ones, in their order", () => {
    const failed = [0, 3, 4];
    const rows = Array.from({ length: 4 }, (_, row) => positionAfterFailed(row + failed.length, failed));
    expect(rows).toEqual([1, 2, 5, 6]);
    expect(positionAfterFailed(7, [])).toBe(7);
  });
});
