import { expect, test } from "bun:test";
import { drillRestore } from "../support/drill/restore.ts";

test("after the loss of a machine, what was in the backup is there, what came later is lost, and no occurrence fires twice", async () => {
  const report = await drillRestore({ runs: 100, after: 20, megabytes: 20, say: () => {} });
  expect(report).toMatchObject({ violations: [], before: 100, there: 100, lost: 20, twice: 0 });
  expect(report.fired).toBeGreaterThan(2);
  expect(report.missed).toBeGreaterThan(0);
  // Those of the measurement are there, too.
  expect(report.artifacts).toBeGreaterThanOrEqual(100);
  expect(report.bytes).toBeGreaterThan(20_000_000);
  expect(report.latencies).toHaveLength(2);
}, 120_000);
