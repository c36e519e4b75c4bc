import { parseDuration } from "../../lib/duration.ts";
import { REBOOT } from "./boot.ts";
import { normaliseField, SCHEDULE_FIELDS } from "./field.ts";

/** A parsed schedule expression. */
export type Expression =
  /** Every `periodMs`, aligned to the Unix epoch. */
  | { readonly kind: "every"; readonly periodMs: number }
  | {
      readonly kind: "cron";
      /** Six fields with names and stepped ranges expanded. */
      readonly pattern: string;
      /** True if the minute or hour is a wildcard: the expression follows real time. Otherwise it means wall times, as in cronie. */
      readonly realTime: boolean;
    }
  /** Once for each boot of the machine: no occurrence in time. */
  | { readonly kind: "boot" }
  /** The problem and what was expected. */
  | { readonly kind: "wrong"; readonly problem: string };

/** Nicknames and the five fields that they stand for. */
export const NICKNAMES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

const FORMS = `expected 5 fields (minute hour day month weekday), 6 (second first), "@every 1h30m", or one of ${Object.keys(NICKNAMES).join(" ")} ${REBOOT}`;

/** Normalizes whitespace: crontabs contain tabs, and a YAML block ends with a newline. */
export const tidyExpression = (text: string): string => text.trim().replace(/\s+/g, " ");

/** Parses one expression of a schedule. */
export const parseExpression = (text: string): Expression => {
  const tidy = tidyExpression(text);
  const [word = "", ...rest] = tidy.split(" ");
  if (word.toLowerCase() === "@every") return parseEvery(rest.join(""));
  if (word.startsWith("@")) return parseNickname(tidy);
  if (/^(CRON_)?TZ=/.test(word))
    return wrong("the time zone is a separate field; expected `schedule: {cron: …, timezone: …}`");
  return parseFields([word, ...rest].filter((field) => field !== ""));
};

const wrong = (problem: string): Expression => ({ kind: "wrong", problem });

const parseEvery = (text: string): Expression => {
  // M could mean months.
  const periodMs = text.includes("M") ? null : parseDuration(text.toLowerCase());
  if (periodMs === null || /ms$/i.test(text)) {
    return wrong(`'@every ${text}' is not a period; expected a sum of d, h, m and s such as "@every 1h30m"`);
  }
  return periodMs > 0
    ? { kind: "every", periodMs }
    : wrong(`'@every ${text}' has no length; expected at least one second`);
};

const parseNickname = (text: string): Expression => {
  const name = text.toLowerCase();
  if (name === REBOOT) return { kind: "boot" };
  const fields = Object.hasOwn(NICKNAMES, name) ? NICKNAMES[name] : undefined;
  return fields === undefined ? wrong(`'${text}' is not known; ${FORMS}`) : parseFields(fields.split(" "));
};

const parseFields = (given: readonly string[]): Expression => {
  if (given.length === 7) return wrong("a seventh field, for the year, is not supported; leave it out");
  if (given.length !== 5 && given.length !== 6) {
    return wrong(`it has ${given.length} field${given.length === 1 ? "" : "s"}; ${FORMS}`);
  }
  const texts = given.length === 5 ? ["0", ...given] : [...given];
  const bothMatch = texts[5]?.startsWith("+") === true;
  if (bothMatch) texts[5] = texts[5]?.slice(1) ?? "";
  const fields = SCHEDULE_FIELDS.map((field, index) => normaliseField(texts[index] ?? "", field));
  const problem = fields.find((field) => field.problem !== null)?.problem ?? null;
  if (problem !== null) return wrong(problem);
  return {
    kind: "cron",
    pattern: joinFields(
      fields.map((field) => field.text),
      bothMatch,
    ),
    realTime: hasWildcard(texts[1]) || hasWildcard(texts[2]),
  };
};

const hasWildcard = (field: string | undefined): boolean => field !== undefined && /[*?]/.test(field);

/**
 * If day of month and day of week are both given, either matches. With a `+` before the day of week, both must match (`requireBoth`).
 * As in cron, a field that starts with `*` (even with a step) does not count as given; both must match then.
 */
const joinFields = (fields: readonly string[], requireBoth: boolean): string => {
  const [second, minute, hour, day = "*", month, weekday = "*"] = fields;
  const bothGiven = day !== "*" && weekday !== "*";
  const bothMatch = bothGiven && (requireBoth || day.startsWith("*") || weekday.startsWith("*"));
  return [second, minute, hour, day, month, bothMatch ? `+${weekday}` : weekday].join(" ");
};
