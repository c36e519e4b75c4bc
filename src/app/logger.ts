import { pino } from "pino";
import pretty from "pino-pretty";
import type { Log } from "../lib/log.ts";
import type { LOG_FORMATS, LOG_LEVELS } from "./settings/settings.ts";
import { asJournalLines } from "./systemd/journal.ts";

export type LoggerOptions = {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Used only with format `pretty`. */
  readonly color: boolean;
  /** True if stderr is the systemd journal: lines start with a priority and have no time. Default: false. */
  readonly journal?: boolean;
};

const STDERR = 2;

/**
 * Opens the log on stderr: one JSON object per line, or lines for people. Each line is written before the call returns,
 * so that the last lines before a crash are not lost.
 */
export const openLog = (options: LoggerOptions): Log => {
  const settings = {
    level: options.level,
    base: null,
    timestamp: options.journal ? false : pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS, censor: "[redacted]" },
  };
  return pino(settings, streamFor(options));
};

/** Field names whose values are removed from the log. */
const SECRETS = ["token", "authorization", "cookie", "environment"].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

const streamFor = ({ format, color, journal = false }: LoggerOptions): pino.DestinationStream => {
  const stderr = openStderr();
  if (!journal && format === "json") return stderr;
  const ignore = journal ? `level,${PRETTY.ignore}` : PRETTY.ignore;
  const worded = pretty.prettyFactory({ ...PRETTY, colorize: color && !journal, ignore });
  return {
    write: (line) => {
      const record = JSON.parse(line);
      const text = format === "json" ? line : worded(record);
      stderr.write(journal ? asJournalLines(record.level, text) : text);
    },
  };
};

/** Maximum backlog in bytes for a stderr that accepts nothing; more is dropped. */
const BACKLOG_BYTES = 65_536;

/** Opens stderr so that a failed write (full disk, closed pipe) does not end petit. */
export const openStderr = (): pino.DestinationStream => {
  const stderr = pino.destination({ dest: STDERR, sync: true, maxLength: BACKLOG_BYTES });
  stderr.on("error", () => {});
  return stderr;
};

const PRETTY = {
  translateTime: "SYS:yyyy-mm-dd HH:MM:ss",
  singleLine: true,
  ignore: "file,line,column,path,job_id,task_id,exit_code,status,reason,outcome,duration_ms",
} satisfies pretty.PrettyOptions;
