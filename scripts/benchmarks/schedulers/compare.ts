import { figure, percentile } from "../statistics.ts";
import type { Row } from "../table.ts";
import { type ColdFigures, measureFirstRuns } from "./cold.ts";
import { type IdleFigures, measureIdleTimes } from "./idle.ts";
import { type Counts, type Figures, measureScheduler } from "./measures.ts";
import { measureRaw, type RawFigures } from "./raw.ts";
import { petitScheduler, type Scheduler } from "./scheduler.ts";
import { measureValidation } from "./validation.ts";

const ROUNDS = 2;
const COUNTS: Counts = { maxMs: 3_000, triggers: 150, finished: 150, occurrences: 2 };

/** Everything that was measured of one scheduler; several values of each if there were several rounds. */
type AllFigures = {
  readonly warm: readonly Figures[];
  readonly first: readonly ColdFigures[];
  readonly validationMs: readonly number[];
  readonly idle: IdleFigures | null;
};

/** Measures petit and the other schedulers in turn, and the machine without them. `idleMs`: the idle time before the last rows. */
export const compareSchedulers = async (others: readonly Scheduler[], idleMs: number): Promise<readonly Row[]> => {
  const schedulers = [petitScheduler(), ...others];
  const rounds = new Map(
    schedulers.map((scheduler) => {
      const warm: Figures[] = [];
      const first: ColdFigures[] = [];
      const validationMs: number[] = [];
      return [scheduler, { warm, first, validationMs }];
    }),
  );
  const raws: RawFigures[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    raws.push(await measureRaw());
    // Each is the first in one of two rounds, because the machine may become slower.
    for (const [scheduler, { warm, first, validationMs }] of round % 2 === 0 ? [...rounds] : [...rounds].toReversed()) {
      first.push(await measureFirstRuns(scheduler));
      warm.push(await measureScheduler(scheduler, COUNTS));
      validationMs.push(...measureValidation(scheduler));
    }
  }
  const idle = await measureIdleTimes(schedulers, idleMs);
  const measured = [...rounds].map(([scheduler, figures]) => ({
    name: scheduler.name,
    figures: { ...figures, idle: idle.get(scheduler) ?? null },
  }));
  return MEASURES.map((measure) => rowOf(measure, measured, raws));
};

type Percentiles = readonly number[];

/** A limit of the machine. */
type Raw = {
  readonly name: string;
  readonly valuesOf: (raw: RawFigures) => readonly number[];
  readonly percentiles: Percentiles;
};

type Measure = {
  readonly what: string;
  readonly valuesOf: (figures: AllFigures) => readonly number[];
  readonly percentiles: Percentiles;
  readonly bound: "at most" | "at least";
  /** One for each percentile; none for a figure without a goal. */
  readonly goals: readonly number[];
  readonly unit: " ms" | "/s" | " MiB" | " %";
  readonly raw: readonly Raw[];
};

const MEDIAN = [0.5] as const;

const MEASURES: readonly Measure[] = [
  {
    what: "trigger answered, p50 / p99",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.answeredMs),
    percentiles: [0.5, 0.99],
    bound: "at most",
    goals: [1, 3],
    unit: " ms",
    raw: [
      { name: "bare HTTP", valuesOf: ({ answeredMs }) => answeredMs, percentiles: [0.5, 0.99] },
      { name: "a sync", valuesOf: ({ syncMs }) => syncMs, percentiles: MEDIAN },
    ],
  },
  {
    what: "trigger to finished `true`, p50",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.finishedMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [4],
    unit: " ms",
    raw: [{ name: "a spawn", valuesOf: ({ finishedMs }) => finishedMs, percentiles: MEDIAN }],
  },
  {
    what: "runs of one task per second, 4 polling clients",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.polledPerSecond),
    percentiles: MEDIAN,
    bound: "at least",
    goals: [500],
    unit: "/s",
    raw: [],
  },
  {
    what: "200 triggers over 4 connections, runs per second",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.burstPerSecond),
    percentiles: MEDIAN,
    bound: "at least",
    goals: [800],
    unit: "/s",
    raw: [{ name: "spawns", valuesOf: ({ burstPerSecond }) => burstPerSecond, percentiles: MEDIAN }],
  },
  {
    what: "  … CPU time of each, its process included",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.burstCpuMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [{ name: "a spawn", valuesOf: ({ spawnCpuMs }) => spawnCpuMs, percentiles: MEDIAN }],
  },
  {
    what: "100 chained `true`, per task",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.chainedMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [2],
    unit: " ms",
    raw: [{ name: "in a shell", valuesOf: ({ chainedMs }) => chainedMs, percentiles: MEDIAN }],
  },
  {
    what: "100 parallel `true`, per task",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.parallelMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [1.3],
    unit: " ms",
    raw: [],
  },
  {
    what: "100 jobs due in one second, lateness p50 / p95",
    valuesOf: ({ warm }) => warm.flatMap((each) => each.latenessMs),
    percentiles: [0.5, 0.95],
    bound: "at most",
    goals: [70, 130],
    unit: " ms",
    raw: [{ name: "spawns", valuesOf: ({ latenessMs }) => latenessMs, percentiles: [0.5, 0.95] }],
  },
  {
    what: "first 200 runs after a start, each, p50 / p99",
    valuesOf: ({ first }) => first.flatMap((each) => each.finishedMs),
    percentiles: [0.5, 0.99],
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "first 200 triggers after a start, runs per second",
    valuesOf: ({ first }) => first.flatMap((each) => each.burstPerSecond),
    percentiles: MEDIAN,
    bound: "at least",
    goals: [],
    unit: "/s",
    raw: [],
  },
  {
    what: "  … CPU time of each, its process included",
    valuesOf: ({ first }) => first.flatMap((each) => each.burstCpuMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "first 100 chained after a start, per task",
    valuesOf: ({ first }) => first.flatMap((each) => each.chainedMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "first 100 parallel after a start, per task",
    valuesOf: ({ first }) => first.flatMap((each) => each.parallelMs),
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "first 200 runs after an idle time, each, p50 / p99",
    valuesOf: ({ idle }) => idle?.[1_000].after.finishedMs ?? [],
    percentiles: [0.5, 0.99],
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "first 200 triggers after an idle time, per second",
    valuesOf: ({ idle }) => idle?.[10_000].after.burstPerSecond ?? [],
    percentiles: MEDIAN,
    bound: "at least",
    goals: [],
    unit: "/s",
    raw: [],
  },
  {
    what: "  … CPU time of each, its process included",
    valuesOf: ({ idle }) => idle?.[10_000].after.burstCpuMs ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "100 chained after an idle time, per task",
    valuesOf: ({ idle }) => idle?.[1_000].after.chainedMs ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "100 parallel after an idle time, per task",
    valuesOf: ({ idle }) => idle?.[10_000].after.parallelMs ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [],
  },
  {
    what: "idle wake-ups per second with 1,000 jobs",
    valuesOf: ({ idle }) => idle?.[1_000].wakeUpsPerSecond ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [3],
    unit: "/s",
    raw: [],
  },
  {
    what: "idle CPU time with 1,000 jobs",
    valuesOf: ({ idle }) => idle?.[1_000].cpuPercent ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [0.1],
    unit: " %",
    raw: [],
  },
  {
    what: "resident when idle with 1,000 jobs",
    valuesOf: ({ idle }) => idle?.[1_000].residentMiB ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [70],
    unit: " MiB",
    raw: [],
  },
  {
    what: "start with 1,000 known jobs",
    valuesOf: ({ idle }) => idle?.[1_000].startMs ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [150],
    unit: " ms",
    raw: [],
  },
  {
    what: "idle wake-ups per second with 10,000 jobs",
    valuesOf: ({ idle }) => idle?.[10_000].wakeUpsPerSecond ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [3],
    unit: "/s",
    raw: [],
  },
  {
    what: "idle CPU time with 10,000 jobs",
    valuesOf: ({ idle }) => idle?.[10_000].cpuPercent ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [0.1],
    unit: " %",
    raw: [],
  },
  {
    what: "resident when idle with 10,000 jobs",
    valuesOf: ({ idle }) => idle?.[10_000].residentMiB ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [100],
    unit: " MiB",
    raw: [],
  },
  {
    what: "start with 10,000 known jobs",
    valuesOf: ({ idle }) => idle?.[10_000].startMs ?? [],
    percentiles: MEDIAN,
    bound: "at most",
    goals: [600],
    unit: " ms",
    raw: [],
  },
  {
    what: "validation of 1,000 files, CPU time",
    valuesOf: ({ validationMs }) => validationMs,
    percentiles: MEDIAN,
    bound: "at most",
    goals: [600],
    unit: " ms",
    raw: [],
  },
];

type Measured = { readonly name: string; readonly figures: AllFigures };

const rowOf = (measure: Measure, [petit, ...others]: readonly Measured[], raws: readonly RawFigures[]): Row => {
  const { what, percentiles, unit } = measure;
  const valuesOf = (one: Measured | undefined) => (one === undefined ? [] : measure.valuesOf(one.figures));
  const values = valuesOf(petit);
  const limits = measure.raw.map((raw) => `${raw.name} ${summary(raws.flatMap(raw.valuesOf), raw.percentiles)}`);
  const peers = others.map((other) => `${other.name} ${summary(valuesOf(other), percentiles)}`);
  return {
    what,
    petit: `${summary(values, percentiles)}${unit}`,
    baseline: [...limits, ...peers].join(", "),
    verdict: verdictOf(measure, values),
  };
};

const verdictOf = ({ percentiles, bound, goals, unit }: Measure, values: readonly number[]): string => {
  if (goals.length === 0) return "";
  const isMet = goals.every((goal, index) => {
    const value = percentile(values, percentiles[index] ?? 0.5);
    return bound === "at most" ? value <= goal : value >= goal;
  });
  return `${bound} ${goals.join(" / ")}${unit} ${isMet ? "✓" : "✗"}`;
};

const summary = (values: readonly number[], percentiles: Percentiles): string =>
  values.length === 0 ? "–" : percentiles.map((share) => figure(percentile(values, share))).join(" / ");
