import { describe, expect, test } from "bun:test";
import { taskTable } from "../../../src/cli/status/task-table.ts";
import { textWidth } from "../../../src/cli/terminal/text-width.ts";
import { NOW, topTask } from "../../support/terminal/top-state.ts";

const SCREEN = {
  isTerminal: true,
  color: false,
  movesCursor: true,
  write: () => {},
  columns: () => 80,
  rows: () => 24,
};

const items = { total: 3, pending: 0, running: 0, completed: 3, failed: 0, skipped: 0 };

describe("the table of the tasks of a run", () => {
  test("names the workers of a task and of the items of a task", () => {
    const tasks = [
      topTask("scan", { runs_on: ["gpu"], workers: ["box7"] }),
      topTask("copy", { attempts: 0, items, workers: ["box7", "box8"] }),
      topTask("report"),
    ];
    expect(taskTable(tasks, { screen: SCREEN, now: NOW })).toBe(`\
TASK    STATUS       ATTEMPTS  ITEMS  WORKER      TOOK  REASON
scan    ✓ completed  1         -      box7        1.0s
copy    ✓ completed  0         3/3    box7, box8  1.0s
report  ✓ completed  1         -      -           1.0s
`);
  });

  test("fits into 80 columns, however many workers there are", () => {
    const workers = Array.from({ length: 40 }, (_, index) => `worker-${index}`);
    const task = topTask("copy", { status: "failed", reason: "items_failed", error: "3 items failed", items, workers });
    const lines = taskTable([task], { screen: SCREEN, now: NOW }).split("\n");
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(80);
    expect(lines[1]).toContain("worker-0, ");
  });
});
