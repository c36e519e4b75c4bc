import { pino } from "pino";
import pretty from "pino-pretty";
import type { Log } from "../lib/log.ts";
import type { LOG_FORMATS, LOG_LEVELS } from "./settings/settings.ts";
import { asJournalLines } from "./systemd/journal.ts";

export type LoggerOptions = {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Only with `pretty`. */
  readonly color: boolean;
  /** Whether stderr is the journal: lines begin with their priority then, and leave the time to it. Default false. */
  readonly journal?: boolean;
};

const STDERR = 2;

/**
 * The log on stderr: a JSON object a line, or lines for people. Each is written before the call returns, so that the
 * last words before a crash are there.
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

/** Names under which a secret could reach a field of the log. */
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

/** What waits for a stderr that takes nothing, bytes; what comes beyond that is lost. */
const BACKLOG_BYTES = 65_536;

/** A log that can't be written, on a full disk or to a reader that has gone, is no reason to end. */
const openStderr = (): pino.DestinationStream => {
  const stderr = pino.destination({ dest: STDERR, sync: true, maxLength: BACKLOG_BYTES });
  stderr.on("error", () => {});
  return stderr;
};

const PRETTY = {
  translateTime: "SYS:yyyy-mm-dd HH:MM:ss",
  singleLine: true,
  ignore: "file,line,column,path,job_id,task_id,exit_code,status,reason,outcome,duration_ms",
} satisfies pretty.PrettyOptions;
