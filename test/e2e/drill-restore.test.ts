import { expect, test } from "bun:test";
import { drillRestore } from "../support/drill/restore.ts";

test("after the loss of a machine, what was in the backup is there, what came later is lost, and no occurrence fires twice", async () => {
  const report = await drillRestore({ runs: 100, after: 20, megabytes: 0, say: () => {} });
  expect(report).toMatchObject({ violations: [], before: 100, there: 100, artifacts: 100, lost: 20, twice: 0 });
  expect(report.fired).toBeGreaterThan(2);
  expect(report.missed).toBeGreaterThan(0);
}, 120_000);
