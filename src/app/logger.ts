import { pino } from "pino";
import pretty from "pino-pretty";
import type { Log } from "../lib/log.ts";
import type { LOG_FORMATS, LOG_LEVELS } from "./settings.ts";

export type LoggerOptions = {
  readonly level: (typeof LOG_LEVELS)[number];
  readonly format: (typeof LOG_FORMATS)[number];
  /** Only with `pretty`. */
  readonly color: boolean;
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
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS, censor: "[redacted]" },
  };
  return options.format === "json"
    ? pino(settings, pino.destination({ dest: STDERR, sync: true }))
    : pino(settings, prettyStream(options.color));
};

/** Names under which a secret could reach a field of the log. */
const SECRETS = ["token", "authorization", "cookie", "environment"].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

const prettyStream = (color: boolean): ReturnType<typeof pretty> =>
  pretty({
    colorize: color,
    translateTime: "SYS:yyyy-mm-dd HH:MM:ss",
    singleLine: true,
    ignore: "file,line,column,path,job_id,task_id,status,reason,outcome,duration_ms",
    destination: STDERR,
    sync: true,
  });
