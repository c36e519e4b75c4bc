import { t } from "elysia";
import type { SettingFact } from "../options.ts";
import { HealthReasonBody, HealthWord } from "./health.ts";
import { ProblemBody, SchedulerBody } from "./scheduler.ts";
import { exactly, instant, integer, nullable, word } from "./schemas.ts";

const SettingBody = exactly(
  {
    name: t.String({ description: "As in the configuration file" }),
    value: nullable(
      t.Union([t.String(), t.Number(), t.Boolean(), t.Array(t.String())]),
      "As the configuration file would hold it; null where there is none",
    ),
    origin: word(["flag", "environment", "file", "default"], "What gave it"),
    from: nullable(t.String(), "The flag, the variable, or the file; null for a default"),
    text: t.String({ description: "The value for people" }),
    doc: t.String({ description: "What it is for" }),
  },
  { title: "Setting", description: "A setting of petit, with what it is and where that came from" },
);

export const SystemBody = exactly(
  {
    version: t.String({ description: "petit's own" }),
    runtime: exactly(
      { name: t.String({ description: "`bun` or `deno`" }), version: t.String({ description: "Its own" }) },
      { title: "Runtime", description: "What executes petit" },
    ),
    sqlite_version: t.String({ description: "Of the library that keeps the database" }),
    target: t.String({ description: "Operating system and processor" }),
    hostname: t.String({ description: "Name of the machine" }),
    pid: integer({ minimum: 1, description: "Process id of petit" }),
    started_at: instant("When petit was started"),
    uptime_ms: integer({ minimum: 0, description: "How long that is ago, in ms" }),
    timezone: t.String({ description: "Zone of the schedules that have none of their own" }),
    database: exactly(
      {
        path: t.String({ description: "Absolute; `:memory:` is kept nowhere" }),
        bytes: integer({ minimum: 0, description: "Its size, its write-ahead log included" }),
        schema: integer({ minimum: 1, description: "Version of its schema" }),
      },
      { title: "Database", description: "Where everything is kept" },
    ),
    jobs_dir: t.String({ description: "Folder of the job files, absolute" }),
    jobs: integer({ minimum: 0, description: "How many jobs there are" }),
    runs: exactly(
      {
        running: integer({ minimum: 0, description: "Runs that are going on" }),
        pending: integer({ minimum: 0, description: "Runs that wait for a place" }),
      },
      { title: "RunCounts", description: "How much there is to do" },
    ),
    waiting_notifications: integer({ minimum: 0, description: "Notifications that nobody took yet" }),
    scheduler: SchedulerBody,
    health: exactly(
      {
        status: HealthWord,
        reasons: t.Array(HealthReasonBody, { description: "Why petit is not healthy; empty if it is `ok`" }),
      },
      { title: "HealthReasons", description: "Whether petit is healthy" },
    ),
    problems: t.Array(ProblemBody, { description: "What is wrong with the job files" }),
    needs_token: t.Boolean({ description: "Whether the API asks for a token" }),
    settings: t.Array(SettingBody, { description: "In the order of the help; no secret is among them" }),
  },
  {
    title: "System",
    description: "petit itself: what it is, where it is, and how it does",
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
        timezone: "Europe/Paris",
        database: { path: "/var/lib/petit/petit.db", bytes: 1048576, schema: 3 },
        jobs_dir: "/etc/petit/jobs",
        jobs: 12,
        runs: { running: 1, pending: 0 },
        waiting_notifications: 0,
        scheduler: { state: "running", is_running: true, is_paused: false },
        health: { status: "ok", reasons: [] },
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

export const settingBody = ({ value, ...fact }: SettingFact): typeof SettingBody.static => ({
  ...fact,
  value: typeof value === "object" && value !== null ? [...value] : value,
});
