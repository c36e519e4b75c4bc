import { Database } from "bun:sqlite";

/** How often a job runs, how long, and how often it fails. */
type Pattern = {
  readonly jobId: string;
  /** The interval between occurrences. */
  readonly everyMs: number;
  /** The offset of the occurrences from multiples of `everyMs` in UTC. The default is 0. */
  readonly offsetMs?: number;
  /** The approximate duration of a run. */
  readonly durationMs: number;
  /** The percentage of failed runs. The default is 0. */
  readonly failedPercent?: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const PATTERNS: readonly Pattern[] = [
  { jobId: "import_orders", everyMs: 15 * MINUTE_MS, durationMs: 210_000, failedPercent: 4 },
  { jobId: "price_feed", everyMs: 5 * MINUTE_MS, durationMs: 70_000, failedPercent: 2 },
  { jobId: "train_forecast", everyMs: 3 * HOUR_MS, durationMs: 52 * MINUTE_MS, failedPercent: 18 },
  { jobId: "nightly_backup", everyMs: DAY_MS, offsetMs: 90 * MINUTE_MS, durationMs: 23 * MINUTE_MS },
  { jobId: "daily_report", everyMs: DAY_MS, offsetMs: 270 * MINUTE_MS, durationMs: 11 * MINUTE_MS, failedPercent: 8 },
  { jobId: "rotate_logs", everyMs: HOUR_MS, durationMs: 4_300 },
  { jobId: "stock_alert", everyMs: HOUR_MS, offsetMs: 20 * MINUTE_MS, durationMs: 48_000, failedPercent: 6 },
  { jobId: "mirror_images", everyMs: 40 * MINUTE_MS, durationMs: 9 * MINUTE_MS, failedPercent: 3 },
];

const DAYS = 8;

/** The time before now in which petit did not run. Occurrences in it are missed. */
const DOWN = { fromMs: 200 * MINUTE_MS, untilMs: 165 * MINUTE_MS } as const;
/** The time before now in which the scheduler was paused. */
const PAUSED = { fromMs: 95 * MINUTE_MS, untilMs: 70 * MINUTE_MS } as const;

/** Inserts the runs and occurrences of the last days into the database of a stopped petit. */
export const writeHistory = (path: string, now: number): void => {
  using db = new Database(path, { strict: true });
  const random = randomFrom(7);
  const write = writerOf(db);
  db.transaction(() => {
    for (const each of PATTERNS.flatMap((pattern) => dueOf(pattern, now)).sort((a, b) => a.at - b.at))
      write(each, now, random);
  })();
};

type Due = { readonly pattern: Pattern; readonly at: number };

const dueOf = (pattern: Pattern, now: number): readonly Due[] => {
  const { everyMs, offsetMs = 0 } = pattern;
  const first = Math.ceil((now - DAYS * DAY_MS) / everyMs) * everyMs + offsetMs;
  const count = Math.max(0, Math.floor((now - MINUTE_MS - first) / everyMs));
  return Array.from({ length: count }, (_, index) => ({ pattern, at: first + index * everyMs }));
};

/** Returns a seeded generator of numbers in [0, 1), so that the screenshots change only with the dashboard. */
const randomFrom = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
};

const writerOf = (db: Database) => {
  const run =
    db.query(`INSERT INTO runs (id, job_id, version, status, reason, error, "trigger", scheduled_for, params, created_at, started_at, ended_at)
    SELECT $id, id, version, $status, $reason, $error, 'schedule', $at, '{}', $at, $startedAt, $endedAt FROM jobs WHERE id = $jobId`);
  const occurrence = db.query(`INSERT INTO occurrences (job_id, scheduled_for, outcome, reason, run_id, decided_at)
    VALUES ($jobId, $at, $outcome, $reason, $id, $at)`);
  return ({ pattern, at }: Due, now: number, random: () => number): void => {
    const { jobId, durationMs, failedPercent = 0 } = pattern;
    const [duration, luck] = [Math.round(durationMs * (0.6 + 0.9 * random() ** 2)), random() * 100];
    const notFired = notFiredReason(now - at) ?? (jobId === "price_feed" && luck > 96 ? SKIPPED_BY_OVERLAP : null);
    if (notFired !== null) return void occurrence.run({ jobId, at, id: null, ...notFired });
    if (at + duration >= now) return;
    const id = idOf(at, random);
    const [startedAt, endedAt] = [at + 3, at + 3 + duration];
    run.run({ id, jobId, at, startedAt, endedAt, ...(luck < failedPercent ? FAILED : COMPLETED) });
    occurrence.run({ jobId, at, id, outcome: "fired", reason: null });
  };
};

const COMPLETED = { status: "completed", reason: null, error: null } as const;
const FAILED = { status: "failed", reason: "exit_code", error: "task 'main' ended with exit status 1" } as const;
const SKIPPED_BY_OVERLAP = { outcome: "skipped", reason: "overlap" } as const;

const notFiredReason = (agoMs: number) => {
  if (agoMs < DOWN.fromMs && agoMs > DOWN.untilMs) return { outcome: "missed", reason: "down" } as const;
  if (agoMs < PAUSED.fromMs && agoMs > PAUSED.untilMs) return { outcome: "skipped", reason: "paused" } as const;
  return null;
};

/** Returns an id in the format of petit's run ids, which begin with the time. */
const idOf = (at: number, random: () => number): string => {
  const time = at.toString(16).padStart(12, "0");
  const part = (): string =>
    Math.floor(random() * 2 ** 24)
      .toString(16)
      .padStart(6, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${part()}${part()}`;
};
