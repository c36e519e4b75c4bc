import { t } from "elysia";
import type { BackupState } from "../../domain/backup/state.ts";
import type { HeartbeatState } from "../../domain/health.ts";
import { CGROUP_LIMITS } from "../../domain/limits/task-limits.ts";
import type { LimitSupport } from "../../domain/limits/unenforced.ts";
import type { SettingFact } from "../options.ts";
import { JobRepositoryBody } from "./definition/repository.ts";
import { HealthReasonBody, HealthWord } from "./health.ts";
import { WaitingCountsBody } from "./limits/waits-for.ts";
import { ProblemBody, SchedulerBody } from "./scheduler.ts";
import { exactly, instant, instantOrNull, integer, nullable, word } from "./schemas.ts";

const SettingBody = exactly(
  {
    name: t.String({ description: "Key in the configuration file" }),
    value: nullable(
      t.Union([t.String(), t.Number(), t.Boolean(), t.Array(t.String())]),
      "Value as in the configuration file; null if there is none",
    ),
    origin: word(["flag", "environment", "file", "default"], "Where the value comes from"),
    from: nullable(t.String(), "The flag, the variable or the file that set it; null for a default"),
    text: t.String({ description: "The value as text for people" }),
    doc: t.String({ description: "What it is for" }),
  },
  { title: "Setting", description: "A setting with its value and the source of the value" },
);

const freeBytes = nullable(
  integer({ minimum: 0 }),
  "Free space of its disk in bytes; null if it is unknown, or it is in memory",
);

export const FolderBody = exactly(
  {
    path: nullable(t.String(), "Absolute path; null for a database in memory"),
    bytes: integer({ minimum: 0, description: "Size in bytes, at most a minute old" }),
    free_bytes: freeBytes,
  },
  { title: "Folder", description: "A folder of petit" },
);

const HeartbeatBody = exactly(
  {
    url: t.String({ description: "The URL, with secrets hidden" }),
    every_ms: integer({ minimum: 1, description: "Time between two pings, in ms" }),
    last_at: instantOrNull("When the last ping was accepted; null if none was since the start of petit"),
    failing_since: instantOrNull("Since when pings fail; null if they do not"),
    error: nullable(t.String(), "Why the last ping failed; null if it did not"),
  },
  { title: "Heartbeat" },
);

const BackupBody = exactly(
  {
    folder: t.String({ description: "Folder of the backups" }),
    at: t.String({ description: "When they are made, as a cron expression" }),
    last_at: instantOrNull("When the last good one was made; null if there is none"),
    last_bytes: nullable(integer({ minimum: 0 }), "Size of its database in bytes"),
    copies: integer({ minimum: 0, description: "Number of copies in the folder" }),
    next_at: instantOrNull("When the next one is due"),
    is_running: t.Boolean({ description: "Whether one is being made" }),
    failing_since: instantOrNull("Since when they fail; null if they do not"),
    error: nullable(t.String(), "Why the last one failed; null if it did not"),
  },
  { title: "Backups" },
);

const LimitSupportBody = exactly(
  {
    enforced: t.Array(word(CGROUP_LIMITS), { description: "The limits that are enforced, of those that need cgroups" }),
    reason: nullable(t.String(), "Why those are not all, in words that follow `because`; null if they are"),
    advice: nullable(t.String(), "What to do about it; null if they are all"),
  },
  { title: "LimitSupport" },
);

export const SystemBody = exactly(
  {
    version: t.String({ description: "Version of petit" }),
    runtime: exactly(
      {
        name: t.String({ description: "`bun` or `deno`" }),
        version: t.String({ description: "Version of the runtime" }),
      },
      { title: "Runtime", description: "JavaScript runtime of petit" },
    ),
    sqlite_version: t.String({ description: "Version of the SQLite library" }),
    target: t.String({ description: "Operating system and processor, such as `linux-x64`" }),
    hostname: t.String({ description: "Name of the machine" }),
    pid: integer({ minimum: 1, description: "Process id of petit" }),
    started_at: instant("When petit was started"),
    uptime_ms: integer({ minimum: 0, description: "Time since then, in ms" }),
    now: instant("The time by petit's clock"),
    timezone: t.String({ description: "Time zone of schedules that name none" }),
    database: exactly(
      {
        path: t.String({ description: "Absolute path, or `:memory:`" }),
        bytes: integer({ minimum: 0, description: "Size in bytes, including the write-ahead log" }),
        schema: integer({ minimum: 1, description: "Version of its schema" }),
        free_bytes: freeBytes,
      },
      { title: "Database", description: "Database of petit" },
    ),
    artifacts: FolderBody,
    spool: FolderBody,
    jobs_dir: t.String({ description: "Absolute path of the folder of job files" }),
    job_repository: t.Optional(
      nullable(JobRepositoryBody, "The git repository with the job files; null if they are in `jobs_dir`"),
    ),
    editing: t.Optional(t.Boolean({ description: "Whether the job files can be edited over the API" })),
    jobs: integer({ minimum: 0, description: "Number of jobs" }),
    runs: exactly(
      {
        running: integer({ minimum: 0, description: "Number of running runs, also of those that only wait" }),
        pending: integer({ minimum: 0, description: "Number of runs that have not started" }),
        executing: t.Optional(integer({ minimum: 0, description: "Number of running runs that do more than wait" })),
        waiting: t.Optional(WaitingCountsBody),
      },
      { title: "RunCounts", description: "Numbers of unfinished runs" },
    ),
    waiting_notifications: integer({ minimum: 0, description: "Number of notifications that are not delivered yet" }),
    scheduler: SchedulerBody,
    health: exactly(
      {
        status: HealthWord,
        reasons: t.Array(HealthReasonBody, { description: "Why petit is not healthy; empty if it is `ok`" }),
      },
      { title: "HealthReasons", description: "Whether petit is healthy" },
    ),
    heartbeat: t.Optional(nullable(HeartbeatBody, "What petit pings while it is healthy; null if there is nothing")),
    backup: t.Optional(nullable(BackupBody, "The copies that petit makes of its database; null if it makes none")),
    limit_support: t.Optional(
      nullable(LimitSupportBody, "Which limits of tasks are enforced on this machine; null if that is not known"),
    ),
    problems: t.Array(ProblemBody, { description: "Problems of the job files" }),
    needs_token: t.Boolean({ description: "True if the API requires a token" }),
    settings: t.Array(SettingBody, { description: "Settings in the order of `--help`, without secrets" }),
  },
  {
    title: "System",
    description: "petit itself: version, paths, settings and health",
    examples: [
      {
        version: "0.1.0",
        runtime: { name: "bun", version: "1.4.5" },
        sqlite_version: "3.51.2",
        target: "linux-x64",
        hostname: "machine",
        pid: 1234,
        started_at: 1767225600000,
        uptime_ms: 86400000,
        now: 1767312000000,
        timezone: "Europe/Paris",
        database: { path: "/var/lib/petit/petit.db", bytes: 1048576, schema: 3, free_bytes: 5368709120 },
        artifacts: { path: "/var/lib/petit/petit.db-artifacts", bytes: 524288, free_bytes: 5368709120 },
        spool: { path: "/var/lib/petit/petit.db-spool", bytes: 4096, free_bytes: 5368709120 },
        jobs_dir: "/etc/petit/jobs",
        job_repository: null,
        editing: false,
        jobs: 12,
        runs: { running: 1, pending: 0, executing: 1, waiting: {} },
        waiting_notifications: 0,
        scheduler: { state: "running", is_running: true, is_paused: false, paused_at: null, paused_by: null },
        health: { status: "ok", reasons: [] },
        heartbeat: null,
        backup: null,
        limit_support: { enforced: ["memory", "cpus", "pids"], reason: null, advice: null },
        problems: [],
        needs_token: false,
        settings: [
          {
            name: "api_port",
            value: 8565,
            origin: "default",
            from: null,
            text: "8565",
            doc: "Port of the API; 0 takes any free one.",
          },
        ],
      },
    ],
  },
);

export const heartbeatBody = (state: HeartbeatState | null): typeof HeartbeatBody.static | null =>
  state === null
    ? null
    : {
        url: state.url,
        every_ms: state.everyMs,
        last_at: state.lastAt,
        failing_since: state.failing?.since ?? null,
        error: state.failing?.error ?? null,
      };

export const backupBody = (state: BackupState | null): typeof BackupBody.static | null =>
  state === null
    ? null
    : {
        folder: state.plan.folder,
        at: state.plan.at,
        last_at: state.last?.at ?? null,
        last_bytes: state.last?.bytes ?? null,
        copies: state.copies,
        next_at: state.nextAt === null ? null : Math.round(state.nextAt),
        is_running: state.isRunning,
        failing_since: state.failing?.since ?? null,
        error: state.failing?.error ?? null,
      };

export const limitSupportBody = (support: LimitSupport | null): typeof LimitSupportBody.static | null =>
  support === null
    ? null
    : { enforced: [...support.enforced], reason: support.gap?.reason ?? null, advice: support.gap?.advice ?? null };

export const settingBody = ({ value, ...fact }: SettingFact): typeof SettingBody.static => ({
  ...fact,
  value: typeof value === "object" && value !== null ? [...value] : value,
});
