/** What a crontab line runs: the text for the shell, and the text for standard input. */
export type CronCommand = { readonly command: string; readonly stdin: string | null };

/**
 * Splits the command of a line at its first `%`, as cronie does. `\%` is a percent sign. After the first `%`, each further one is a
 * line break, and a line break is added at the end if it is missing.
 */
export const splitCommand = (text: string): CronCommand => {
  const at = findPercent(text);
  if (at === -1) return { command: unescapePercent(text), stdin: null };
  const input = readInput(text.slice(at + 1));
  return { command: unescapePercent(text.slice(0, at)), stdin: input === "" ? null : input };
};

/** Returns the index of the first `%` that no backslash escapes. A backslash also escapes a backslash. */
const findPercent = (text: string): number => {
  const match = /^(?:[^\\%]|\\.|\\$)*%/s.exec(text);
  return match === null ? -1 : match[0].length - 1;
};

const unescapePercent = (text: string): string =>
  text.replace(/\\(.)/gs, (pair, character: string) => (character === "%" ? "%" : pair));

/**
 * Here a backslash after a backslash still escapes a following `%`, unlike in the command. Backslashes at the end are ignored when
 * cron decides about the last line break.
 */
const readInput = (text: string): string => {
  const input = text.replace(/\\%|%/g, (match) => (match === "%" ? "\n" : "%"));
  return /(?:^|\n)\\*$/.test(input) ? input : `${input}\n`;
};
