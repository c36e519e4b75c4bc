import cronstrue from "cronstrue";
import { startsAtBoot } from "../../../domain/schedule/boot.ts";

/** Describes an expression: `0 2 * * *` as `Every day at 02:00`, `@every 1h30m` as `Every 1h 30m`. Returns an expression that it does not know as it is. */
export const expressionText = (expression: string): string => {
  const every = /^@every\s+(.+)$/i.exec(expression.trim());
  if (startsAtBoot([expression])) return "At each boot of the machine";
  if (every !== null) return `Every ${spaced(every[1] ?? "")}`;
  try {
    return daily(cronstrue.toString(expression.trim(), { use24HourTimeFormat: true }));
  } catch {
    return expression;
  }
};

const spaced = (duration: string): string => duration.replaceAll(/\s+/g, "").replaceAll(/([a-z])(?=\d)/gi, "$1 ");

/** Adds that a time without a date is daily. */
const daily = (text: string): string =>
  text.replace(/^At (\d\d:\d\d(?::\d\d)?(?:(?:,| and) \d\d:\d\d)*)$/, "Every day at $1");

/** Describes all expressions of a schedule: `Every day at 02:00; every hour`. */
export const scheduleText = (expressions: readonly string[]): string =>
  expressions
    .map(expressionText)
    .map((text, index) => (index === 0 ? text : `${text.charAt(0).toLowerCase()}${text.slice(1)}`))
    .join("; ");
