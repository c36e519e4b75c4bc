import { DEFAULT_KEEP } from "../../domain/backup/rotation.ts";
import { INTERRUPT_POLICIES } from "../../domain/job.ts";
import { NO_QUEUES } from "../../domain/limits/queue.ts";
import { RECENT } from "../../domain/limits/retention.ts";
import { USAGE_SOURCES } from "../../domain/limits/task-limits.ts";
import { DEFAULT_AUDIT_DAYS } from "../../domain/people/audit.ts";
import {
  backupTime,
  choice,
  duration,
  durationFrom,
  gitPath,
  gitRef,
  host,
  label,
  many,
  natsUrl,
  numbers,
  onOff,
  optional,
  origin,
  otlpUrl,
  publicUrl,
  repository,
  size,
  taskType,
  text,
  timezone,
  url,
  userName,
  whole,
  wholeOr,
  workerName,
} from "./kinds.ts";
import type { Setting } from "./setting.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export const LOG_FORMATS = ["pretty", "json"] as const;
const SHUTDOWN_MODES = ["drain", "leave"] as const;

/** Words that are accepted instead of a limit of retention. */
const RETENTION_WORDS = ["all", "default"] as const;

const setting = <T>(declared: Setting<T>): Setting<T> => declared;

/** All settings, in the order of the help. */
export const SETTINGS = {
  db: setting({
    name: "db",
    kind: text("FILE", "a file, or :memory:"),
    default: "petit.db",
    doc: "Database file; `:memory:` keeps nothing.",
  }),
  url: setting({
    name: "url",
    kind: optional(url),
    default: null,
    defaultText: "http://127.0.0.1:8565",
    doc: "URL of the running petit that commands talk to.",
  }),
  tokenFile: setting({
    name: "token_file",
    kind: optional(text("FILE", "a file that holds the token")),
    default: null,
    defaultText: "$PETIT_API_TOKEN",
    doc: "File with the API token.",
  }),
  logLevel: setting({ name: "log_level", kind: choice(LOG_LEVELS), default: "info", doc: "Minimum log level." }),
  logFormat: setting({
    name: "log_format",
    kind: optional(choice(LOG_FORMATS)),
    default: null,
    defaultText: "pretty on a terminal and in the journal, otherwise json",
    doc: "Format of the log on stderr.",
  }),
  color: setting({
    name: "color",
    kind: onOff,
    default: true,
    doc: "Colours, on a terminal and unless NO_COLOR is set.",
    offDoc: "Disable colours. They are also off if NO_COLOR is set or the output is not a terminal.",
  }),
  jobsDir: setting({
    name: "jobs_dir",
    kind: text("DIR", "a folder"),
    default: "jobs",
    doc: "Folder of the job files if JOBS_DIR is not given.",
  }),
  jobsGit: setting({
    name: "jobs_git",
    kind: optional(repository),
    default: null,
    defaultText: "a folder",
    doc: "URL of a git repository with the job files, instead of JOBS_DIR.",
  }),
  jobsGitRef: setting({
    name: "jobs_git_ref",
    kind: gitRef,
    default: "main",
    doc: "Branch or tag of the repository that petit follows.",
  }),
  jobsGitPath: setting({
    name: "jobs_git_path",
    kind: gitPath,
    default: ".",
    doc: "Folder of the job files within the repository.",
  }),
  jobsGitPollMs: setting({
    name: "jobs_git_poll",
    kind: durationFrom(1_000),
    default: 60_000,
    doc: "How often petit looks for a new commit.",
  }),
  api: setting({
    name: "api",
    kind: onOff,
    default: true,
    doc: "Serve the HTTP API.",
    offDoc: "Do not serve the HTTP API; nothing listens.",
  }),
  apiPort: setting({
    name: "api_port",
    kind: whole(0, 65_535),
    default: 8565,
    doc: "Port of the API; 0 chooses a free one.",
  }),
  apiHost: setting({
    name: "api_host",
    kind: host,
    default: "127.0.0.1",
    doc: "Address that the API listens on; any address except loopback requires a token.",
  }),
  allowedHosts: setting({
    name: "allowed_hosts",
    flag: "allowed-host",
    kind: many(host),
    default: [],
    defaultText: "none",
    doc: "Additional host name that clients may use; can be repeated.",
  }),
  corsOrigins: setting({
    name: "cors_origins",
    flag: "cors-origin",
    kind: many(origin),
    default: [],
    defaultText: "none",
    doc: "Origin whose pages may call the API; can be repeated.",
  }),
  publicUrl: setting({
    name: "public_url",
    kind: optional(publicUrl),
    default: null,
    defaultText: "no links",
    doc: "URL under which people reach the dashboard, for links in notifications.",
  }),
  maxConnections: setting({
    name: "max_connections",
    kind: optional(whole(1, 100_000)),
    default: null,
    defaultText: "a quarter of the open files limit, 8 to 4096",
    doc: "Maximum number of API connections; petit closes the longest idle ones to stay below it.",
  }),
  maxJobs: setting({
    name: "max_jobs",
    short: "j",
    kind: optional(whole(1, 100_000)),
    default: null,
    defaultText: "unlimited",
    doc: "Maximum number of concurrent runs.",
  }),
  queues: setting({
    name: "queues",
    flag: "queue",
    kind: numbers(1, 100_000),
    default: NO_QUEUES,
    defaultText: "none",
    doc: "A queue, and how many runs of the jobs that name it may run at once; can be repeated.",
  }),
  maxTasks: setting({
    name: "max_tasks",
    short: "t",
    kind: whole(1, 100_000),
    default: 4,
    doc: "Maximum number of concurrent tasks in a run.",
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
    doc: "How long a drain waits before it ends the running tasks.",
  }),
  onInterrupt: setting({
    name: "on_interrupt",
    kind: choice(INTERRUPT_POLICIES),
    default: "fail",
    doc: "What happens after an attempt was lost: its task fails, or the attempt runs again.",
  }),
  killGraceMs: setting({
    name: "kill_grace",
    kind: duration,
    default: 10_000,
    doc: "Default time between SIGTERM and SIGKILL.",
  }),
  logLimitBytes: setting({
    name: "log_limit",
    kind: size(1024),
    default: 16 * 2 ** 20,
    doc: "Maximum stored output of an attempt.",
  }),
  artifactLimitBytes: setting({
    name: "artifact_limit",
    kind: size(0),
    default: 2 ** 30,
    doc: "Maximum size of the artifacts of a run; an attempt that exceeds it fails.",
  }),
  usage: setting({
    name: "usage",
    kind: choice(USAGE_SOURCES),
    default: "wait",
    doc: "How petit measures what an attempt uses. wait: what the system says when its program ends; cgroup: each attempt has a cgroup, where petit may create them, so that all of its processes count.",
  }),
  runAsAllowed: setting({
    name: "run_as_allowed",
    kind: many(userName),
    default: [],
    defaultText: "none",
    doc: "User that jobs and tasks may name in run_as; can be repeated. petit must be root. A worker has a list of its own.",
  }),
  retentionRuns: setting({
    name: "retention_runs",
    kind: optional(wholeOr(RETENTION_WORDS, 1, 1_000_000_000)),
    default: null,
    defaultText: "default",
    doc: `Number of finished runs to keep per job, unless the job says. all: no limit. default, here and for the days: a run is deleted when it is older than ${RECENT.days} days and beyond the newest ${RECENT.runs} of its job.`,
  }),
  retentionDays: setting({
    name: "retention_days",
    kind: optional(wholeOr(RETENTION_WORDS, 1, 36_500)),
    default: null,
    defaultText: "default",
    doc: "Number of days to keep finished runs, unless the job says. all: no limit. A run beyond either number is deleted.",
  }),
  searchLimitBytes: setting({
    name: "search_limit",
    kind: size(0),
    default: 2 ** 30,
    doc: "Maximum size of the index for searches in the output of runs, beside the database; 0 turns searches off.",
  }),
  auditDays: setting({
    name: "audit_days",
    kind: whole(1, 36_500),
    default: DEFAULT_AUDIT_DAYS,
    doc: "Number of days to keep the entries of the audit log.",
  }),
  auditLog: setting({
    name: "audit_log",
    kind: onOff,
    default: false,
    doc: "Write each entry of the audit log to stderr, too, as a line of JSON.",
  }),
  otlpEndpoint: setting({
    name: "otlp_endpoint",
    kind: optional(otlpUrl),
    default: null,
    defaultText: "no traces",
    doc: "URL of a receiver of OpenTelemetry, such as http://127.0.0.1:4318. petit sends it a trace of each run, over HTTP, with the headers of OTEL_EXPORTER_OTLP_HEADERS.",
  }),
  otlpHeadersFile: setting({
    name: "otlp_headers_file",
    kind: optional(text("FILE", "a file with headers")),
    default: null,
    defaultText: "none",
    doc: "File with further headers for that receiver, such as one with a key: NAME: VALUE, one a line. Tasks don't inherit them, unlike the variable.",
  }),
  epochFile: setting({
    name: "epoch_file",
    kind: optional(text("FILE", "a file")),
    default: null,
    defaultText: "none",
    doc: "File on shared storage with the epoch of the database, which a restore raises: a petit whose database was restored elsewhere does not run.",
  }),
  backupDir: setting({
    name: "backup_dir",
    kind: optional(text("FOLDER", "a folder")),
    default: null,
    defaultText: "no backups",
    doc: "Folder to which petit copies its database by itself.",
  }),
  backupAt: setting({
    name: "backup_at",
    kind: backupTime,
    default: "30 3 * * *",
    doc: "When petit makes a backup, in the default time zone of schedules. One that was missed is made at the start.",
  }),
  backupKeepDays: setting({
    name: "backup_keep_days",
    kind: whole(1, 36_500),
    default: DEFAULT_KEEP.days,
    doc: "For how many days to keep the newest backup of each day.",
  }),
  backupKeepWeeks: setting({
    name: "backup_keep_weeks",
    kind: whole(0, 5_200),
    default: DEFAULT_KEEP.weeks,
    doc: "For how many weeks before these days to keep the newest backup of each week.",
  }),
  backupArtifacts: setting({
    name: "backup_artifacts",
    kind: onOff,
    default: true,
    doc: "Put the artifacts into backups, too.",
    offDoc: "Do not put the artifacts into backups.",
  }),
  timezone: setting({
    name: "timezone",
    kind: optional(timezone),
    default: null,
    defaultText: "the system's",
    doc: "Default time zone of schedules.",
  }),
  watch: setting({
    name: "watch",
    kind: onOff,
    default: true,
    doc: "Reload when a job file changes.",
    offDoc: "Do not reload when a job file changes.",
  }),
  edit: setting({
    name: "edit",
    kind: onOff,
    default: false,
    doc: "Let the dashboard and the API change the job files of JOBS_DIR.",
  }),
  mcpWrite: setting({
    name: "mcp_write",
    kind: onOff,
    default: false,
    doc: "Let agents trigger, retry and cancel runs and pause jobs, if their role is operator or admin.",
  }),
  strict: setting({ name: "strict", kind: onOff, default: false, doc: "Refuse to start if a job file is broken." }),
  nats: setting({
    name: "nats",
    kind: many(natsUrl),
    default: [],
    defaultText: "none",
    doc: "NATS server that connects petit with its workers and has the streams of `nats` triggers; can be repeated for the servers of a cluster.",
  }),
  natsCreds: setting({
    name: "nats_creds",
    kind: optional(text("FILE", "a file with credentials of NATS")),
    default: null,
    doc: "File with the credentials for NATS: a .creds file, or the seed of an nkey.",
  }),
  natsCa: setting({
    name: "nats_ca",
    kind: optional(text("FILE", "a file with certificates")),
    default: null,
    defaultText: "the system's",
    doc: "File with the certificate authorities that the NATS server is checked against.",
  }),
  natsCert: setting({
    name: "nats_cert",
    kind: optional(text("FILE", "a file with a certificate")),
    default: null,
    doc: "File with the client certificate for the NATS server; needs --nats-key.",
  }),
  natsKey: setting({
    name: "nats_key",
    kind: optional(text("FILE", "a file with a private key")),
    default: null,
    doc: "File with the private key of --nats-cert.",
  }),
  natsSigningKey: setting({
    name: "nats_signing_key",
    kind: optional(many(text("FILE", "a file made by 'petit worker keygen'"))),
    default: null,
    doc: "File with the private key that signs work for workers, made by 'petit worker keygen'; can be repeated while the key is replaced.",
  }),
  natsReplicas: setting({
    name: "nats_replicas",
    kind: whole(1, 5),
    default: 1,
    doc: "On how many servers of a NATS cluster offers, scripts and artifacts are kept: with 3, work goes on after the loss of one of three.",
  }),
  lostAfterMs: setting({
    name: "lost_after",
    kind: durationFrom(1_000),
    default: 5 * 60_000,
    doc: "How long a worker may be out of contact before what it runs counts as lost.",
  }),
  trust: setting({
    name: "trust",
    kind: optional(many(text("KEY", "a public key, or a file with public keys"))),
    default: null,
    doc: "Public key that work must be signed with, as 'petit worker keygen' printed it, or a file with such keys; can be repeated.",
  }),
  workerName: setting({
    name: "worker_name",
    flag: "name",
    kind: optional(workerName),
    default: null,
    defaultText: "the host name",
    doc: "Name of the worker, which must be unique.",
  }),
  labels: setting({
    name: "labels",
    flag: "label",
    kind: many(label),
    default: [],
    defaultText: "none",
    doc: "Label that tasks can ask for with runs_on, such as gpu or zone=eu; can be repeated.",
  }),
  slots: setting({
    name: "slots",
    kind: whole(1, 1_000),
    default: 1,
    doc: "Maximum number of tasks that the worker runs at once.",
  }),
  stateDir: setting({
    name: "state_dir",
    kind: text("DIR", "a folder"),
    default: "petit-worker",
    doc: "Folder for attempts and output until the scheduler has stored them; each worker needs its own.",
  }),
  allowedTypes: setting({
    name: "allowed_types",
    flag: "allow-type",
    kind: many(taskType),
    default: [],
    defaultText: "all",
    doc: "Type of tasks that the worker may run; can be repeated.",
  }),
  taskUser: setting({
    name: "task_user",
    flag: "user",
    kind: optional(text("USER", "a user name")),
    default: null,
    defaultText: "the worker's own",
    doc: "User that tasks run as; needs root.",
  }),
};

export type SettingKey = keyof typeof SETTINGS;

/** The values of all settings. */
export type Settings = {
  readonly [Key in SettingKey]: (typeof SETTINGS)[Key] extends Setting<infer T> ? T : never;
};

/** Where a value came from; `name` is the flag, the variable, or the file. */
export type Origin = {
  readonly kind: "flag" | "environment" | "file" | "default";
  readonly name: string;
};

/**
 * Returns the name of a setting in messages: its flag, its variable, or its key and configuration file. Returns null for
 * a default.
 */
export const givenBy = ({ name }: Pick<Setting<unknown>, "name">, origin: Origin): string | null => {
  if (origin.kind === "default") return null;
  return origin.kind === "file" ? `${name} in ${origin.name}` : origin.name;
};

/** Returns a value with its origin, for messages, such as `petit.token (PETIT_TOKEN_FILE)`. */
export const withOrigin = (value: string, setting: Pick<Setting<unknown>, "name">, origin: Origin): string => {
  const place = givenBy(setting, origin);
  return place === null ? value : `${value} (${place})`;
};

export type Origins = { readonly [Key in SettingKey]: Origin };

/** Returns the time zone of schedules that do not set one. */
export const defaultZone = (settings: Pick<Settings, "timezone">): string =>
  settings.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns the URL of the running petit: the `url` setting, otherwise the address that `petit run` would use. */
export const urlOf = ({ url, apiHost, apiPort }: Pick<Settings, "url" | "apiHost" | "apiPort">): string =>
  url ?? addressUrl(EVERYWHERE[apiHost] ?? apiHost, apiPort);

/** Returns how to reach NATS. */
export const natsAccess = ({ nats, natsCreds, natsCa, natsCert, natsKey }: Settings) => ({
  urls: nats,
  credentialsFile: natsCreds,
  caFile: natsCa,
  certFile: natsCert,
  keyFile: natsKey,
});

/** Returns whether tasks can run on workers. */
export const hasWorkers = ({ nats }: Pick<Settings, "nats">): boolean => nats.length > 0;

/** Returns whether tasks can run as other users, who must be able to enter the folders of what they use. */
export const hasOtherUsers = ({ runAsAllowed }: Pick<Settings, "runAsAllowed">): boolean =>
  runAsAllowed.length > 0 && process.geteuid?.() === 0;

/** Formats an address as a URL, such as `http://[::1]:8565`. */
export const addressUrl = (host: string, port: number): string =>
  `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;

/** Clients cannot connect to a wildcard address; they use loopback instead. */
const EVERYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1" };
