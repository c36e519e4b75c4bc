/** What a log line says of its own importance. */
export type Level = "fatal" | "error" | "warning" | "information" | "debug";
const LEVELS: readonly Level[] = ["fatal", "error", "warning", "information", "debug"];

/** What precedes a message: times, the names of services and containers, steps of a build. */
const PREFIXES: readonly RegExp[] = [
  /^\[?\d{4}[-/]\d\d[-/]\d\d(?:[T ]|, )\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: ?(?:Z|(?!(?:INFO|INF|WARN|CRIT|ERRO?|FINE|DBG|FAIL)\b)[A-Z]{3,4}\b|[+-]\d\d:?\d\d))?\]?[:,]?\s{1,8}/,
  /^\[?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\]?[:,]?\s{1,8}/,
  /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,80} [^\s:]{1,80}: /,
  /^\[ {0,8}\d{1,8}\.\d{1,6}\] /,
  // A name in brackets, but not a level.
  /^\[(?!(?:error|err|fatal|fail|failed|critical|crit|warn|warning|info|debug|emerg|alert|severe)\b)[\w ./:@#-]{1,40}\][: ]\s{0,8}/i,
];

/** Returns a message without the prefixes of the logs through which it came. */
export const withoutPrefixes = (text: string): string => {
  let message = text;
  for (const prefix of PREFIXES) message = message.replace(prefix, "");
  return message;
};

/** The patterns have one group per level, in the order of LEVELS. */
const IN_CAPITALS =
  "(FATAL|CRITICAL|CRIT|SEVERE|PANIC|EMERG|ALERT)|(ERROR|ERR|ERRO)|(WARNING|WARN)|(INFO|NOTICE|INF)|(DEBUG|TRACE|DBG|FINE)";
const AS_LABEL = [
  "(fatal error|fatal|critical|panic|emerg|alert|crit)",
  "(error|err|npm ERR!|npm error)",
  String.raw`(npm warn|\w{0,30}warning|warn|deprecat\w+)`,
  "(info|notice|note|hint|help|tip)",
  "(debug|trace|verbose)",
].join("|");
const LEVEL_PATTERNS: readonly RegExp[] = [
  // `ERROR message`, `[WARN] message`, `main ERROR message`.
  new RegExp(String.raw`^(?:\S{1,60} )?[\[<(]?(?:${IN_CAPITALS})\b[\]>)]?(?:[:|\-\s,\]]|$)`),
  // `error: message`, `pg_dump: error: message`, `mysql: [Warning] message`, `npm warn message`.
  new RegExp(String.raw`^(?:\S{1,60}: )?\[?(?:${AS_LABEL})(?:\] |\]?[:!]|\[\w{1,10}\]:|(?<=npm \w{4,5}|ERR!) )`, "i"),
  // One letter: Kubernetes (`E0102 03:04:05.678`) and apt (`E: message`).
  /^(?:(F)|(E)|(W)|([IN])|(D))(?:\d{4} \d\d:\d\d:\d\d\.\d|: )/,
  new RegExp(String.raw`[\s[(|](?:${IN_CAPITALS})[\])|:/]?(?:\s|$)`),
];
/** Characters at the start of a message in which its level is. */
const LEVEL_WITHIN = 120;

const LEVEL_FIELD = /["']?\b(?:level|levelname|severity|lvl|log\.level)["']?\s?[:=]\s?["']?(\w{1,12})/i;
/** Values of the field in JSON and logfmt. Numbers are those of bunyan and pino. */
const FIELD_LEVELS: Readonly<Record<Level, readonly string[]>> = {
  fatal: ["fatal", "critical", "crit", "panic", "emergency", "emerg", "alert", "60"],
  error: ["error", "err", "severe", "failure", "50"],
  warning: ["warn", "warning", "40"],
  information: ["info", "information", "notice", "30"],
  debug: ["debug", "trace", "verbose", "20", "10"],
};

/** Returns the level that a message without prefixes states. Null if it states none. */
export const levelOf = (text: string): Level | null => fieldLevelOf(text) ?? levelAtStart(text.slice(0, LEVEL_WITHIN));

const fieldLevelOf = (text: string): Level | null => {
  if (!text.startsWith("{") && !/\b(?:level|lvl|severity)=/.test(text.slice(0, LEVEL_WITHIN))) return null;
  const name = LEVEL_FIELD.exec(text)?.[1]?.toLowerCase();
  return LEVELS.find((level) => name !== undefined && FIELD_LEVELS[level].includes(name)) ?? null;
};

const levelAtStart = (text: string): Level | null => {
  for (const pattern of LEVEL_PATTERNS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const level = LEVELS[match.slice(1).findIndex((group) => group !== undefined)] ?? null;
    // A runner logs what a program prints as information: `INFO - psql: error: message`.
    const inner =
      level === "information" ? levelAtStart(text.slice(match.index + match[0].length).replace(/^[\s:-]+/, "")) : null;
    return inner === "error" || inner === "fatal" ? inner : level;
  }
  return null;
};
