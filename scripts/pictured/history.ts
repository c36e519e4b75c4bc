import { Database } from "bun:sqlite";

/** What a job has done so far, as a rule. */
type Habit = {
  readonly jobId: string;
  /** Between two occurrences, and by how much they lie after the full period of UTC. */
  readonly everyMs: number;
  readonly offsetMs?: number;
  /** How long a run takes, about. */
  readonly tookMs: number;
  /** Of a hundred runs, how many fail. */
  readonly failed?: number;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const HABITS: readonly Habit[] = [
  { jobId: "import_orders", everyMs: 15 * MINUTE_MS, tookMs: 210_000, failed: 4 },
  { jobId: "price_feed", everyMs: 5 * MINUTE_MS, tookMs: 70_000, failed: 2 },
  { jobId: "train_forecast", everyMs: 3 * HOUR_MS, tookMs: 52 * MINUTE_MS, failed: 18 },
  { jobId: "nightly_backup", everyMs: DAY_MS, offsetMs: 90 * MINUTE_MS, tookMs: 23 * MINUTE_MS },
  { jobId: "daily_report", everyMs: DAY_MS, offsetMs: 270 * MINUTE_MS, tookMs: 11 * MINUTE_MS, failed: 8 },
  { jobId: "rotate_logs", everyMs: HOUR_MS, tookMs: 4_300 },
  { jobId: "stock_alert", everyMs: HOUR_MS, offsetMs: 20 * MINUTE_MS, tookMs: 48_000, failed: 6 },
  { jobId: "mirror_images", everyMs: 40 * MINUTE_MS, tookMs: 9 * MINUTE_MS, failed: 3 },
];

const DAYS = 8;

/** When petit was away, before now: what was due then was missed. */
const AWAY = { fromMs: 200 * MINUTE_MS, untilMs: 165 * MINUTE_MS } as const;
/** When the scheduler was paused. */
const PAUSED = { fromMs: 95 * MINUTE_MS, untilMs: 70 * MINUTE_MS } as const;

/** Writes the runs and occurrences of the last days straight into the database of a petit that is stopped. */
export const writeHistory = (path: string, now: number): void => {
  using db = new Database(path, { strict: true });
  const random = randomFrom(7);
  const write = writerOf(db);
  db.transaction(() => {
    for (const each of HABITS.flatMap((habit) => due(habit, now)).sort((a, b) => a.at - b.at)) write(each, now, random);
  })();
};

type Due = { readonly habit: Habit; readonly at: number };

const due = (habit: Habit, now: number): readonly Due[] => {
  const { everyMs, offsetMs = 0 } = habit;
  const first = Math.ceil((now - DAYS * DAY_MS) / everyMs) * everyMs + offsetMs;
  const count = Math.max(0, Math.floor((now - MINUTE_MS - first) / everyMs));
  return Array.from({ length: count }, (_, index) => ({ habit, at: first + index * everyMs }));
};

/** The same numbers each time, from 0 up to 1: the pictures change with the dashboard alone. */
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
  return ({ habit, at }: Due, now: number, random: () => number): void => {
    const { jobId, tookMs, failed = 0 } = habit;
    const [took, luck] = [Math.round(tookMs * (0.6 + 0.9 * random() ** 2)), random() * 100];
    const unfired = unfiredBy(now - at) ?? (jobId === "price_feed" && luck > 96 ? SKIPPED_BY_OVERLAP : null);
    if (unfired !== null) return void occurrence.run({ jobId, at, id: null, ...unfired });
    if (at + took >= now) return;
    const id = idOf(at, random);
    const [startedAt, endedAt] = [at + 3, at + 3 + took];
    run.run({ id, jobId, at, startedAt, endedAt, ...(luck < failed ? FAILED : COMPLETED) });
    occurrence.run({ jobId, at, id, outcome: "fired", reason: null });
  };
};

const COMPLETED = { status: "completed", reason: null, error: null } as const;
const FAILED = { status: "failed", reason: "exit_code", error: "task 'main' ended with exit status 1" } as const;
const SKIPPED_BY_OVERLAP = { outcome: "skipped", reason: "overlap" } as const;

const unfiredBy = (agoMs: number) => {
  if (agoMs < AWAY.fromMs && agoMs > AWAY.untilMs) return { outcome: "missed", reason: "down" } as const;
  if (agoMs < PAUSED.fromMs && agoMs > PAUSED.untilMs) return { outcome: "skipped", reason: "paused" } as const;
  return null;
};

/** As petit makes them: by time. */
const idOf = (at: number, random: () => number): string => {
  const time = at.toString(16).padStart(12, "0");
  const part = (): string =>
    Math.floor(random() * 2 ** 24)
      .toString(16)
      .padStart(6, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${part()}${part()}`;
};
