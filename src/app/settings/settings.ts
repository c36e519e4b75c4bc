import { INTERRUPT_POLICIES } from "../../domain/job.ts";
import { choice, duration, host, many, onOff, optional, origin, size, text, timezone, url, whole } from "./kinds.ts";
import type { Setting } from "./setting.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export const LOG_FORMATS = ["pretty", "json"] as const;
export const SHUTDOWN_MODES = ["drain", "leave"] as const;

const setting = <T>(declared: Setting<T>): Setting<T> => declared;

/** Every setting there is, in the order of the help. */
export const SETTINGS = {
  db: setting({
    name: "db",
    kind: text("FILE", "a file, or :memory:"),
    default: "petit.db",
    doc: "The database; `:memory:` keeps nothing.",
  }),
  url: setting({
    name: "url",
    kind: optional(url),
    default: null,
    defaultText: "http://127.0.0.1:8565",
    doc: "The running petit that commands talk to.",
  }),
  tokenFile: setting({
    name: "token_file",
    kind: optional(text("FILE", "a file that holds the token")),
    default: null,
    defaultText: "$PETIT_API_TOKEN",
    doc: "File with the API's token.",
  }),
  logLevel: setting({ name: "log_level", kind: choice(LOG_LEVELS), default: "info", doc: "The least that is logged." }),
  logFormat: setting({
    name: "log_format",
    kind: optional(choice(LOG_FORMATS)),
    default: null,
    defaultText: "pretty on a terminal and in the journal, else json",
    doc: "How the log on stderr is written.",
  }),
  color: setting({
    name: "color",
    kind: onOff,
    default: true,
    doc: "Colours, on a terminal and unless NO_COLOR is set.",
    offDoc: "No colours; there are none either where NO_COLOR is set or the output is no terminal.",
  }),
  jobsDir: setting({
    name: "jobs_dir",
    kind: text("DIR", "a folder"),
    default: "jobs",
    doc: "The folder of the job files, where JOBS_DIR isn't given.",
  }),
  api: setting({
    name: "api",
    kind: onOff,
    default: true,
    doc: "Serve the HTTP API.",
    offDoc: "Serve no HTTP API; nothing listens.",
  }),
  apiPort: setting({
    name: "api_port",
    kind: whole(0, 65_535),
    default: 8565,
    doc: "Port of the API; 0 takes any free one.",
  }),
  apiHost: setting({
    name: "api_host",
    kind: host,
    default: "127.0.0.1",
    doc: "Address the API listens on; any but loopback needs a token.",
  }),
  allowedHosts: setting({
    name: "allowed_hosts",
    flag: "allowed-host",
    kind: many(host),
    default: [],
    defaultText: "none",
    doc: "A further name that petit is served under; can be repeated.",
  }),
  corsOrigins: setting({
    name: "cors_origins",
    flag: "cors-origin",
    kind: many(origin),
    default: [],
    defaultText: "none",
    doc: "An origin whose pages may call the API; can be repeated.",
  }),
  maxConnections: setting({
    name: "max_connections",
    kind: optional(whole(1, 100_000)),
    default: null,
    defaultText: "a quarter of the open files limit, 8 to 4096",
    doc: "Connections to the API at once; beyond that, the longest idle ones are closed.",
  }),
  maxJobs: setting({
    name: "max_jobs",
    short: "j",
    kind: optional(whole(1, 100_000)),
    default: null,
    defaultText: "unlimited",
    doc: "Runs at once.",
  }),
  maxTasks: setting({
    name: "max_tasks",
    short: "t",
    kind: whole(1, 100_000),
    default: 4,
    doc: "Tasks at once in a run.",
  }),
  onShutdown: setting({
    name: "on_shutdown",
    kind: choice(SHUTDOWN_MODES),
    default: "drain",
    doc: "drain: wait for running runs; leave: the next start goes on with them.",
  }),
  shutdownTimeoutMs: setting({
    name: "shutdown_timeout",
    kind: duration,
    default: 30_000,
    doc: "How long draining waits before it ends what runs.",
  }),
  onInterrupt: setting({
    name: "on_interrupt",
    kind: choice(INTERRUPT_POLICIES),
    default: "fail",
    doc: "What becomes of an attempt that was lost: its task fails, or it is made anew.",
  }),
  killGraceMs: setting({
    name: "kill_grace",
    kind: duration,
    default: 10_000,
    doc: "Between SIGTERM and SIGKILL, for jobs that don't say.",
  }),
  logLimitBytes: setting({
    name: "log_limit",
    kind: size(1024),
    default: 16 * 2 ** 20,
    doc: "Output kept of an attempt.",
  }),
  retentionRuns: setting({
    name: "retention_runs",
    kind: optional(whole(1, 1_000_000_000)),
    default: null,
    defaultText: "all",
    doc: "Finished runs that are kept of a job that doesn't say.",
  }),
  retentionDays: setting({
    name: "retention_days",
    kind: optional(whole(1, 36_500)),
    default: null,
    defaultText: "for ever",
    doc: "Days that finished runs are kept of a job that doesn't say.",
  }),
  timezone: setting({
    name: "timezone",
    kind: optional(timezone),
    default: null,
    defaultText: "the system's",
    doc: "Zone of the schedules that have none of their own.",
  }),
  watch: setting({
    name: "watch",
    kind: onOff,
    default: true,
    doc: "Reload when a job file changes.",
    offDoc: "Don't reload when a job file changes.",
  }),
  strict: setting({ name: "strict", kind: onOff, default: false, doc: "Refuse to start on a broken job file." }),
};

export type SettingKey = keyof typeof SETTINGS;

/** The value of every setting. */
export type Settings = {
  readonly [Key in SettingKey]: (typeof SETTINGS)[Key] extends Setting<infer T> ? T : never;
};

/** Where a value came from; `name` is the flag, the variable, or the file. */
export type Origin = {
  readonly kind: "flag" | "environment" | "file" | "default";
  readonly name: string;
};

/**
 * Returns how a message names a setting that was given: by its flag, its variable, or its key and the configuration file.
 * Returns null for a default.
 */
export const givenBy = ({ name }: Pick<Setting<unknown>, "name">, origin: Origin): string | null => {
  if (origin.kind === "default") return null;
  return origin.kind === "file" ? `${name} in ${origin.name}` : origin.name;
};

/** Returns a value with the place that it was given in, for messages: `petit.token (PETIT_TOKEN_FILE)`. */
export const withOrigin = (value: string, setting: Pick<Setting<unknown>, "name">, origin: Origin): string => {
  const place = givenBy(setting, origin);
  return place === null ? value : `${value} (${place})`;
};

export type Origins = { readonly [Key in SettingKey]: Origin };

/** The zone of schedules without one of their own. */
export const defaultZone = (settings: Pick<Settings, "timezone">): string =>
  settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Where commands find the running petit: what `url` says, else the address that `petit run` would take here. */
export const urlOf = ({ url, apiHost, apiPort }: Pick<Settings, "url" | "apiHost" | "apiPort">): string =>
  url ?? addressUrl(EVERYWHERE[apiHost] ?? apiHost, apiPort);

/** `http://[::1]:8565` */
export const addressUrl = (host: string, port: number): string =>
  `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;

/** Addresses that mean all of this machine can't be asked; loopback is one of them. */
const EVERYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1" };
