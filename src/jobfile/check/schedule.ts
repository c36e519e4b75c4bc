import { tidyExpression } from "../../domain/schedule/expression.ts";
import { isTimezone } from "../../domain/schedule/local-time.ts";
import { TIMEZONE_FORM, whyUnusable } from "../../domain/schedule/schedule.ts";
import { hint } from "../hints.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

/** Checks that every expression of a schedule is valid and fires at some time, and that its time zone exists. */
export const checkSchedule = ({ schedule }: JobDraft, report: Report): void => {
  if (schedule === undefined) return;
  const isShort = typeof schedule === "string" || isList(schedule);
  checkExpressions(isShort ? schedule : schedule.cron, { path: isShort ? ["schedule"] : ["schedule", "cron"], report });
  if (!isShort) checkTimezone(schedule.timezone, report);
};

/** `Array.isArray` does not narrow a readonly list. */
const isList = <Item>(value: readonly Item[] | object): value is readonly Item[] => Array.isArray(value);

type Expressions = string | readonly (string | undefined)[] | undefined;

const checkExpressions = (
  expressions: Expressions,
  { path, report }: { readonly path: Path; readonly report: Report },
): void => {
  const isOne = typeof expressions === "string";
  for (const [index, text] of (isOne ? [expressions] : (expressions ?? [])).entries()) {
    const place = isOne ? path : [...path, index];
    const problem = text === undefined || report.has(place) ? null : whyUnusable(tidyExpression(text));
    if (problem !== null) report.addAt(place, problem);
  }
};

const checkTimezone = (timezone: string | undefined, report: Report): void => {
  if (timezone === undefined || report.has(["schedule", "timezone"]) || isTimezone(timezone)) return;
  report.addAt(
    ["schedule", "timezone"],
    `'${timezone}' is not a timezone; ${hint(timezone, Intl.supportedValuesOf("timeZone"), TIMEZONE_FORM)}`,
  );
};
