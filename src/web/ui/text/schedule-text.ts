import cronstrue from "cronstrue";

/** `0 2 * * *` as `Every day at 02:00`, `@every 1h30m` as `Every 1h 30m`; an expression that has no words stays what it is. */
export const expressionText = (expression: string): string => {
  const every = /^@every\s+(.+)$/i.exec(expression.trim());
  if (every !== null) return `Every ${spaced(every[1] ?? "")}`;
  try {
    return daily(cronstrue.toString(expression.trim(), { use24HourTimeFormat: true }));
  } catch {
    return expression;
  }
};

const spaced = (duration: string): string => duration.replaceAll(/\s+/g, "").replaceAll(/([a-z])(?=\d)/gi, "$1 ");

/** A time alone is one of each day. */
const daily = (words: string): string =>
  words.replace(/^At (\d\d:\d\d(?::\d\d)?(?:(?:,| and) \d\d:\d\d)*)$/, "Every day at $1");

/** Of all expressions of a schedule: `Every day at 02:00; every hour`. */
export const scheduleText = (expressions: readonly string[]): string =>
  expressions
    .map(expressionText)
    .map((words, index) => (index === 0 ? words : `${words.charAt(0).toLowerCase()}${words.slice(1)}`))
    .join("; ");
