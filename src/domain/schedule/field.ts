import { suggest } from "../../lib/suggest.ts";

/** A field of a cron expression: its name, its bounds, and the names of its values, starting with `min`. */
export type ScheduleField = {
  readonly name: "second" | "minute" | "hour" | "day of month" | "month" | "day of week";
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
};

const MONTHS = "january february march april may june july august september october november december".split(" ");
const WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

/** The fields in order. An expression with 5 fields omits the seconds, which are 0. */
export const SCHEDULE_FIELDS: readonly ScheduleField[] = [
  { name: "second", min: 0, max: 59, names: [] },
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day of month", min: 1, max: 31, names: [] },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 7, names: WEEKDAYS },
];

export type NormalField = { readonly text: string; readonly problem: string | null };

/** Rewrites a field: names become numbers, `?` becomes `*`, and stepped ranges become lists. */
export const normaliseField = (text: string, field: ScheduleField): NormalField => {
  const parts: string[] = [];
  for (const part of text.split(",")) {
    const result = part === "" ? wrong(text, field) : normalisePart(part, field);
    if (typeof result !== "string") return { text, problem: result.problem };
    parts.push(result);
  }
  if (parts.length > 1 && parts.includes("LW")) {
    return { text, problem: "'LW' can't be in a list; expected it alone, and the rest in an expression of its own" };
  }
  return { text: parts.includes("*") ? "*" : parts.join(","), problem: null };
};

type Wrong = { readonly problem: string };

const normalisePart = (part: string, field: ScheduleField): string | Wrong => {
  if (part === "*" || part === "?") return "*";
  const special = normaliseSpecial(part, field);
  if (special !== null) return special;
  const [base = "", step, ...more] = part.split("/");
  if (more.length > 0 || base === "" || step === "") return wrong(part, field);
  return step === undefined ? normaliseRange(base, field) : normaliseStep(base, step, { part, field });
};

/** Handles `L`, `LW` and `15W` in the day of month, and `5L` and `MON#2` in the day of week. */
const normaliseSpecial = (part: string, field: ScheduleField): string | Wrong | null => {
  if (field.name === "day of month") {
    if (/^(L|LW)$/i.test(part)) return part.toUpperCase();
    const day = /^(\d+)W$/i.exec(part)?.[1];
    return day === undefined ? null : mapNumber(day, field, (number) => `${number}W`);
  }
  if (field.name !== "day of week") return null;
  const [, weekday, suffix] = /^(\w+?)(L|#[1-5])$/i.exec(part) ?? [];
  if (weekday === undefined || suffix === undefined || readNumber(weekday, field) === null) return null;
  return mapNumber(weekday, field, (number) => `${number % 7}${suffix.toUpperCase()}`);
};

const mapNumber = (text: string, field: ScheduleField, write: (number: number) => string): string | Wrong => {
  const number = checkNumber(text, field);
  return typeof number === "number" ? write(number) : number;
};

const normaliseRange = (text: string, field: ScheduleField): string | Wrong => {
  const range = readRange(text, field);
  if ("problem" in range) return range;
  return range.from === range.to ? `${range.from}` : `${range.from}-${range.to}`;
};

/** Expands a step. `5/15` counts from 5 to the maximum of the field. */
const normaliseStep = (
  base: string,
  stepText: string,
  { part, field }: { readonly part: string; readonly field: ScheduleField },
): string | Wrong => {
  const step = /^\d+$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1)
    return { problem: `'${part}' in the ${field.name} field has no step; expected a whole number after the '/'` };
  const last = lastOf(field);
  if (step > last - field.min + 1)
    return {
      problem: `the step of '${part}' exceeds the ${field.name} field; expected at most ${last - field.min + 1}`,
    };
  if (base === "*" || base === "?") return `*/${step}`;
  const range = readRange(base, field);
  if ("problem" in range) return range;
  if (base.includes("-")) return count(range.from, range.to, step).join(",");
  return count(range.from > last ? field.min : range.from, last, step).join(",");
};

/** Returns the maximum of a field. Sunday is 0 and 7, so a week ends with Saturday (6). */
const lastOf = (field: ScheduleField): number => (field.name === "day of week" ? 6 : field.max);

const count = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

const readRange = (text: string, field: ScheduleField): { readonly from: number; readonly to: number } | Wrong => {
  const [low = "", high, ...more] = text.split("-");
  if (low === "" || high === "" || more.length > 0) return wrong(text, field);
  const from = checkNumber(low, field);
  if (typeof from !== "number") return from;
  if (high === undefined) return { from, to: from };
  const to = checkNumber(high, field);
  if (typeof to !== "number") return to;
  return orderRange(text, field, { from, to: field.name === "day of week" && to === 0 && from > 0 ? 7 : to });
};

const orderRange = (
  text: string,
  field: ScheduleField,
  range: { readonly from: number; readonly to: number },
): typeof range | Wrong =>
  range.from <= range.to
    ? range
    : { problem: `'${text}' in the ${field.name} field runs backwards; expected two ranges: '${inTwo(text, field)}'` };

/** Splits a reversed range: `fri-mon` becomes `fri-6,0-mon`. */
const inTwo = (text: string, field: ScheduleField): string => text.replace("-", `-${lastOf(field)},${field.min}-`);

const checkNumber = (text: string, field: ScheduleField): number | Wrong => {
  const number = readNumber(text, field);
  if (number === null) return wrong(text, field);
  return number >= field.min && number <= field.max
    ? number
    : { problem: `'${text}' is out of range in the ${field.name} field; expected ${field.min} to ${field.max}` };
};

/** Reads a number, a full name or the first three letters of a name. Returns null otherwise. */
const readNumber = (text: string, field: ScheduleField): number | null => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const word = text.toLowerCase();
  const index = field.names.findIndex((name) => name === word || name.slice(0, 3) === word);
  return index === -1 ? null : field.min + index;
};

const wrong = (text: string, field: ScheduleField): Wrong => {
  const names = field.names.map((name) => name.slice(0, 3).toUpperCase());
  const near = /^[a-z]{2,}$/i.test(text) ? suggest(text, [...names, ...field.names]) : null;
  const expected = `${field.min} to ${field.max}${names.length > 0 ? `, ${names[0]} to ${names.at(-1)}` : ""}, '*', a range, a list or a step`;
  const hint = near === null ? `expected ${expected}` : `did you mean '${near.toUpperCase()}'?`;
  return { problem: `'${text}' is not understood in the ${field.name} field; ${hint}` };
};
