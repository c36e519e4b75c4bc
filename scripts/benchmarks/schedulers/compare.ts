import { figure, percentile } from "../statistics.ts";
import type { Row } from "../table.ts";
import { type Counts, type Figures, measureScheduler } from "./measures.ts";
import { measureRaw, type RawFigures } from "./raw.ts";
import { petitScheduler, type Scheduler } from "./scheduler.ts";

const ROUNDS = 2;
const COUNTS: Counts = { maxMs: 3_000, triggers: 150, finished: 150, occurrences: 2 };

/** Measures petit and the other schedulers in turn, and the machine without them. */
export const compareSchedulers = async (others: readonly Scheduler[]): Promise<readonly Row[]> => {
  const schedulers = [petitScheduler(), ...others];
  const rounds = new Map<Scheduler, Figures[]>(schedulers.map((scheduler) => [scheduler, []]));
  const raws: RawFigures[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    raws.push(await measureRaw());
    for (const [scheduler, figures] of rounds) figures.push(await measureScheduler(scheduler, COUNTS));
  }
  const measured = [...rounds].map(([{ name }, figures]) => ({ name, figures }));
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
  readonly valuesOf: (figures: Figures) => readonly number[];
  readonly percentiles: Percentiles;
  readonly bound: "at most" | "at least";
  /** One for each percentile; none for a figure without a goal. */
  readonly goals: readonly number[];
  readonly unit: " ms" | "/s";
  readonly raw: readonly Raw[];
};

const MEDIAN = [0.5] as const;

const MEASURES: readonly Measure[] = [
  {
    what: "trigger answered, p50 / p99",
    valuesOf: ({ answeredMs }) => answeredMs,
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
    valuesOf: ({ finishedMs }) => finishedMs,
    percentiles: MEDIAN,
    bound: "at most",
    goals: [4],
    unit: " ms",
    raw: [{ name: "a spawn", valuesOf: ({ finishedMs }) => finishedMs, percentiles: MEDIAN }],
  },
  {
    what: "runs of one task per second, 4 polling clients",
    valuesOf: ({ polledPerSecond }) => polledPerSecond,
    percentiles: MEDIAN,
    bound: "at least",
    goals: [500],
    unit: "/s",
    raw: [],
  },
  {
    what: "200 triggers over 4 connections, runs per second",
    valuesOf: ({ burstPerSecond }) => burstPerSecond,
    percentiles: MEDIAN,
    bound: "at least",
    goals: [800],
    unit: "/s",
    raw: [{ name: "spawns", valuesOf: ({ burstPerSecond }) => burstPerSecond, percentiles: MEDIAN }],
  },
  {
    what: "  … CPU time of each, its process included",
    valuesOf: ({ burstCpuMs }) => burstCpuMs,
    percentiles: MEDIAN,
    bound: "at most",
    goals: [],
    unit: " ms",
    raw: [{ name: "a spawn", valuesOf: ({ spawnCpuMs }) => spawnCpuMs, percentiles: MEDIAN }],
  },
  {
    what: "100 chained `true`, per task",
    valuesOf: ({ chainedMs }) => chainedMs,
    percentiles: MEDIAN,
    bound: "at most",
    goals: [2],
    unit: " ms",
    raw: [{ name: "in a shell", valuesOf: ({ chainedMs }) => chainedMs, percentiles: MEDIAN }],
  },
  {
    what: "100 parallel `true`, per task",
    valuesOf: ({ parallelMs }) => parallelMs,
    percentiles: MEDIAN,
    bound: "at most",
    goals: [1.3],
    unit: " ms",
    raw: [],
  },
  {
    what: "100 jobs due in one second, lateness p50 / p95",
    valuesOf: ({ latenessMs }) => latenessMs,
    percentiles: [0.5, 0.95],
    bound: "at most",
    goals: [70, 130],
    unit: " ms",
    raw: [{ name: "spawns", valuesOf: ({ latenessMs }) => latenessMs, percentiles: [0.5, 0.95] }],
  },
];

type Measured = { readonly name: string; readonly figures: readonly Figures[] };

const rowOf = (measure: Measure, [petit, ...others]: readonly Measured[], raws: readonly RawFigures[]): Row => {
  const { what, percentiles, unit } = measure;
  const valuesOf = (one: Measured | undefined) => (one?.figures ?? []).flatMap(measure.valuesOf);
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
