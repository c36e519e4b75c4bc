/** A field of a cron expression of the Rust petit: its bounds, and the names of its values from `min` on. */
type CronField = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
};

const MONTHS = "january february march april may june july august september october november december".split(" ");
const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

export const SECOND: CronField = { name: "second", min: 0, max: 59, names: [] };
export const MINUTE: CronField = { name: "minute", min: 0, max: 59, names: [] };
export const HOUR: CronField = { name: "hour", min: 0, max: 23, names: [] };
export const DAY: CronField = { name: "day of month", min: 1, max: 31, names: [] };
export const MONTH: CronField = { name: "month", min: 1, max: 12, names: MONTHS };
/** Counts from 1, which is Sunday. */
export const WEEKDAY: CronField = { name: "day of week", min: 1, max: 7, names: WEEKDAYS };

/** A part of a list in a field: `*`, or a value or range, with an optional step. */
export type CronPart = {
  readonly text: string;
  readonly from: CronValue;
  /** Null for a single value, and for `*`. */
  readonly to: CronValue | null;
  readonly isAny: boolean;
  /** 1 without a step. */
  readonly step: number;
  readonly hasStep: boolean;
};

/** A value and how it is written: as a number or as a name. */
type CronValue = { readonly number: number; readonly isName: boolean };

export type ParsedField = {
  readonly text: string;
  readonly parts: readonly CronPart[];
  readonly values: ReadonlySet<number>;
};

/** Parses a field as the Rust petit does. Returns the problem as a text if it refuses the field. */
export const parseField = (text: string, field: CronField): ParsedField | string => {
  const parts: CronPart[] = [];
  for (const part of text.split(",")) {
    const parsed = parsePart(part, field);
    if (typeof parsed === "string") return parsed;
    parts.push(parsed);
  }
  return { text, parts, values: new Set(parts.flatMap((part) => valuesOf(part, field))) };
};

/** Returns whether a field leaves no value out. */
export const isFull = ({ values }: ParsedField, { min, max }: CronField): boolean => values.size === max - min + 1;

const parsePart = (text: string, field: CronField): CronPart | string => {
  const [, base = "", step] = /^([^/]*)(?:\/(\d{1,9}))?$/.exec(text) ?? [];
  const range = parseRange(base, field);
  // A name can't have a step, except in a range.
  const isStepped = step === undefined || (Number(step) >= 1 && Number(step) <= field.max);
  if (range === null || !isStepped || (step !== undefined && range.to === null && range.from.isName))
    return `'${text}' is not understood in the ${field.name} field; expected ${formOf(field)}`;
  return { text, ...range, step: Number(step ?? 1), hasStep: step !== undefined };
};

const formOf = ({ min, max, names }: CronField): string =>
  `${min} to ${max}${names.length > 0 ? ", a name" : ""}, '*', a range, a list or a step`;

type Range = Pick<CronPart, "from" | "to" | "isAny">;

const parseRange = (text: string, field: CronField): Range | null => {
  const takesQuestionMark = field.name.startsWith("day");
  if (text === "*" || (text === "?" && takesQuestionMark))
    return { from: { number: field.min, isName: false }, to: null, isAny: true };
  const [low = "", high, ...more] = text.split("-");
  const from = parseValue(low, field);
  if (from === null || more.length > 0) return null;
  if (high === undefined) return { from, to: null, isAny: false };
  const to = parseValue(high, field);
  const isRange = to !== null && to.isName === from.isName && from.number <= to.number;
  return isRange ? { from, to, isAny: false } : null;
};

/** The weekday names that petit does not know. */
const LONGER: Readonly<Record<string, string>> = { tues: "tuesday", thurs: "thursday" };

const parseValue = (text: string, { min, max, names }: CronField): CronValue | null => {
  if (/^\d{1,9}$/.test(text)) {
    const number = Number(text);
    return number >= min && number <= max ? { number, isName: false } : null;
  }
  const word = LONGER[text.toLowerCase()] ?? text.toLowerCase();
  const index = names.findIndex((name) => name === word || name.slice(0, 3) === word);
  return index === -1 ? null : { number: min + index, isName: true };
};

/** A single value with a step counts to the maximum of the field. */
const valuesOf = ({ from, to, isAny, step, hasStep }: CronPart, { max }: CronField): number[] => {
  const last = isAny || (to === null && hasStep) ? max : (to ?? from).number;
  return Array.from({ length: Math.floor((last - from.number) / step) + 1 }, (_, index) => from.number + index * step);
};
