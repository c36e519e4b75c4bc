import { expect, test } from "bun:test";
import { nextUp } from "../../../src/domain/schedule/next-up.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const job = (id: string, inMs: number | null, more: object = {}) => ({
  id,
  tags: [] as readonly string[],
  next_start_at: inMs === null ? null : NOW + inMs,
  paused: false,
  ...more,
});

test("what comes next begins with critical jobs, and ends with those that are due every few minutes", () => {
  const jobs = [
    job("beat_2", 50, { every_ms: 300_000 }),
    job("beat", 20, { every_ms: 60_000 }),
    job("weekly", 100 * HOUR),
    job("nightly", 3 * HOUR),
    job("ledger", 20 * HOUR, { tags: ["finance", "critical"] }),
    job("audit", 30 * HOUR, { tags: ["critical"] }),
    job("paused", HOUR, { paused: true }),
    job("manual", null),
  ];
  const { rare, frequent } = nextUp(jobs, NOW);
  expect(rare.map((each) => each.job.id)).toEqual(["ledger", "nightly", "audit", "weekly"]);
  expect(frequent.map((each) => [each.job.id, each.everyMs])).toEqual([
    ["beat", 60_000],
    ["beat_2", 300_000],
  ]);
});
