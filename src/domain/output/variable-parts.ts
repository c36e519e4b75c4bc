/**
 * What differs from run to run in a line, and what does not although it looks like it: the code of an error and the name of a host are the
 * cause of a failure; ids, times, sizes and counts are not.
 */

/** Letters and digits of which Kubernetes makes the random ends of names. */
const POD = "[bcdfghjklmnpqrstvwxz2456789]";

/** Ids that are no numbers, and dates. They are removed first, because parts of them look like codes or names. */
const IDS: readonly (readonly [RegExp, string])[] = [
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, "#"],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d\b))?)?/g, "#"],
  [/\b\d{8}T\d{4,6}Z?\b|\b\d{1,2}-(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-\d{2,4}\b/gi, "#"],
  [/\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*(?= +\d)/g, "#"],
  // What follows the name of an id: `RequestId: 4BBE91F2XK0QZ9TN`, `trace_id=4bf92f35`.
  [
    /\b((?:request|req|trace|span|correlation|session|transaction|message|activity|operation|host|amz)[-_ ]?id(?:-\d)?)"?[ :=]{1,3}["']?(?=[A-Za-z_+/=.-]{0,40}\d)[\w+/=.-]{4,128}/gi,
    "$1 #",
  ],
  // A duration in ISO 8601.
  [/\bPT(?=\d)(?:[\d.]{1,9}[HMS]){1,3}\b/g, "#"],
  // IPv6 has a digit: `a::b` could be a name in C++.
  [/(?<![\w:.])(?=[a-f:]{0,38}\d)(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?:%\w{1,16})?(?![\w:])/gi, "#"],
  // The random ends of the names of pods: with the id of their replica set or their time, or alone.
  [new RegExp(String.raw`-(?:${POD}{8,10}|\d{6,10})-${POD}{5}(?![\w-])`, "g"), "-#"],
  [new RegExp(String.raw`-(?=[a-z]{0,4}\d)(?![a-z]{1,4}\d{1,4}\b)${POD}{5}(?![\w-])`, "g"), "-#"],
  // ULIDs, keys, and ids with a prefix, as of Stripe. Digits are in two places at least.
  [/\b(?=[A-Za-z]{0,24}\d{1,24}[A-Za-z]{1,24}\d)[A-Za-z\d]{16,64}\b/g, "#"],
  [/(?<=\b[a-z]{2,8})_(?=[A-Za-z]{0,24}\d{1,24}[A-Za-z]{1,24}\d)[A-Za-z\d]{10,64}\b/g, "_#"],
  // The version says nothing, and would separate the word from a status.
  [/\bHTTP\/\d(?:\.\d)?/g, "HTTP"],
];

/** A number that counts something: `17 rows`, `3 bad lines`, `3 of 9`. */
const NO_COUNT = String.raw`\b(?![.,:]\d)(?! ?\/ ?\d| of \d)(?! (?:[a-z]{1,20} )?[a-z]{1,20}[a-rt-z]s\b)`;

const STATUS_NAMES = "status|errno|errcode|hresult|http|signal|sqlcode|rc|exit(?:ed)?|code";
const STATUS_TAIL = String.raw`(?:[ _-]?(?:code|status|error|number|was|is|of|with|by|returned|[Cc]ode)){0,3}[\s:=#"'(\[]{0,5}`;

/** The codes of errors, and the statuses of HTTP and of programs. */
const CODES: readonly RegExp[] = [
  new RegExp(
    String.raw`(?:(?<![A-Za-z])(?:${STATUS_NAMES}|${STATUS_NAMES.toUpperCase()}|Errno|Http|Exit(?:ed)?)|Status|Code|Signal)${STATUS_TAIL}(?:0x[\da-fA-F]{1,8}|\d{1,5}|-\d{1,10})\b`,
    "g",
  ),
  new RegExp(
    String.raw`(?<![A-Za-z])(?:[Ee]rror|ERROR|[Ee]rr|ERR)!?[\s:=#"'(\[]{1,4}(?:0x[\da-fA-F]{1,8}|\d{1,5}${NO_COUNT})`,
    "g",
  ),
  new RegExp(String.raw`Error: [45]\d\d${NO_COUNT}`, "g"),
  new RegExp(
    String.raw`\b(?:returned|respond(?:ed|s)|answered|replied|got|received|gave|response|failed)(?: (?:with|code|an?|HTTP)){0,3}[: ]{1,2}[1-5]\d\d${NO_COUNT}`,
    "gi",
  ),
  /SQLSTATE\W{1,3}[\dA-Z]{5}\b|\berror:[\dA-F]{8}:|^[\w.-]{1,40}: \(\d{1,3}\)/g,
  // `ORA-01653`, `E404`, `TS2304`, `SP2-0734`.
  /(?<![A-Za-z\d])(?!(?:PID|TID|ID|LSN|SEQ|REQ|NO|NR)-?\d)[A-Z]{1,8}(?:\d?-)?\d{2,5}(?![A-Za-z\d])/g,
];

/** Words before a number that counts, or that is an id. */
const NUMBERED =
  "attempt|try|retry|thread|pool|forkpoolworker|part|chunk|batch|page|row|line|step|pid|tid|seq|req|request|item|task|job|run|col|offset|tmp|temp|process|conn|connection|session|block|exec|executor|epoch|iteration|loop|partition|shard|nio";

/** Names with numbers, and ports that a service has: those from 32768 on are chosen by the system. */
const NAMES: readonly RegExp[] = [
  new RegExp(
    String.raw`(?<=(?<![A-Za-z\d_])[A-Za-z]{1,24})(?<!(?<![A-Za-z\d_])(?:${NUMBERED}))\d{1,3}(?![\d_]|\.\d|[A-Za-z]{1,24}\d)`,
    "gi",
  ),
  new RegExp(String.raw`(?<=[A-Za-z]\d{0,3})(?<!\b(?:${NUMBERED}))-\d{1,2}[a-z]?(?![\w-]|\.\d)`, "gi"),
  /(?<=\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}:|\b(?:port[ =:]{1,2}|localhost:))(?:[12]?\d{1,4}|3[01]\d{3}|32[0-6]\d\d|327[0-5]\d|3276[0-7])\b/gi,
];

/** A commit has a letter and a digit. In a line about versions it can have only letters, so that it looks like a word. */
const COMMIT = /\b[a-f]{7,40}\b/gi;
const ABOUT_VERSIONS =
  /\b(?:git|commit(?:s|ted)?|sha1?|head|branch|merg\w{1,3}|checkout|rebas\w{1,3}|cherry|rev|revision|ref|objects?|tree|blob|deploy\w{0,5}|build|image|releas\w{1,3}|versions?|tag|patch|appl(?:y|ied)|pick|bisect|push\w{0,2}|pull\w{0,3}|fetch\w{0,3}|clone|origin|main|master|upstream)\b|[\da-f]\.\.[\da-f]/i;

const DURATION = String.raw`\d+(?:[.,]\d+)*\s?(?:ns|[µu]s|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?)(?![A-Za-z])`;

/** Amounts, with their units. */
const AMOUNTS: readonly RegExp[] = [
  new RegExp(String.raw`(?<![\w.])${DURATION}(?:(?:[\s,]{0,2}| and )${DURATION}){0,9}`, "g"),
  /(?<![\w.])\d+(?:[.,]\d+)*\s?(?:[kKMGTPE](?:i?[bB]?|bit)|[bB]|[Bb]ytes?|[Kk]ilobytes?|[Mm]egabytes?|[Gg]igabytes?|bits?)(?:\/s)?(?![A-Za-z\d])/g,
  /\b0x[\da-f]+\b/gi,
  /\b(?=[a-f]{0,31}\d)[\da-f]{7,128}\b/gi,
  /\d+(?:[.,:]\d+)*/g,
];

/** The random end of a temporary name, such as /tmp/tmp.Xk3fA9. */
const TEMPORARY_NAME = /(\/(?:tmp|temp|var\/tmp)\/[\w-]{0,40}\.)\w{6,12}\b/g;

const WEEKDAYS = /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b,?/g;

/** Digits that are kept become control characters, which a plain line does not have and no pattern finds. */
const KEPT = 0x80 - 0x30;
const keep = (text: string): string => text.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + KEPT));
const restore = (text: string): string =>
  text.replace(/[\u0080-\u0089]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - KEPT));

/** Returns a line with `#` for each part that differs from run to run. */
export const withoutVariableParts = (text: string): string => {
  let line = text.replace(WEEKDAYS, "#");
  if (/\d/.test(line)) {
    for (const [pattern, replacement] of IDS) line = line.replace(pattern, replacement);
    for (const pattern of CODES) line = line.replace(pattern, keep);
    for (const pattern of NAMES) line = line.replace(pattern, keep);
  }
  line = line.replace(TEMPORARY_NAME, "$1#");
  if (line.search(COMMIT) >= 0 && ABOUT_VERSIONS.test(line)) line = line.replace(COMMIT, "#");
  for (const pattern of AMOUNTS) line = line.replace(pattern, "#");
  return restore(line).replace(/#(?: ?#)+/g, "#");
};
