import { NICKNAMES } from "../../../domain/schedule/expression.ts";
import { fieldRows } from "../../commands/schema.ts";
import type { Row, Topic } from "./topic.ts";

/** Each is a schedule: a test reads them all. */
export const EXPRESSIONS: readonly Row[] = [
  ["30 2 * * *", "at half past two in the night"],
  ["*/15 * * * *", "every quarter of an hour"],
  ["0 9 * * mon-fri", "at nine, from Monday to Friday"],
  ["0 0 1,15 * mon", "on the 1st, on the 15th, and on each Monday: either of the two fields is enough, as in cron"],
  ["0 18 L * *", "on the last day of the month at six in the evening"],
  ["0 8 * * fri#2", "on the second Friday of the month"],
  ["0 8 15W * *", "on the working day that is nearest to the 15th"],
  ["30 0 0 * * *", "half a minute past midnight: of six fields, the first is the second"],
  ["@every 1h30m", "every ninety minutes, counted from the Unix epoch, so that a restart changes nothing"],
];

const FIELDS = /^(schedule|enabled|max_concurrency|on_overlap)/;

export const schedules: Topic = {
  name: "schedules",
  summary: "When jobs run: expressions, time zones, daylight saving, catch-up",
  parts: () => [
    {
      text:
        "Five fields are minute, hour, day of month, month and weekday; six begin with the second. Names, ranges, lists and " +
        "steps are as in cron; Sunday is 0 or 7. `petit next` shows what a schedule comes to.",
    },
    { title: "Expressions", rows: [...EXPRESSIONS, ...Object.entries(NICKNAMES)] },
    { title: "Fields", rows: fieldRows().filter(([path]) => FIELDS.test(path)) },
    {
      title: "Daylight saving",
      text:
        "As cronie has it: what is due in the hour that is left out runs once, right after it; what is due in the hour that comes " +
        "twice runs once. A schedule with a wildcard in its minute or hour follows real time instead. `petit next` marks both.",
    },
    {
      title: "When the clock is set",
      text:
        "No occurrence fires twice. The times of a run, its tasks and its attempts are counted from its start by a clock that " +
        "nobody sets: a run during which the system's clock is set keeps its true duration and its timeouts, and its end is " +
        "stored as its start plus its duration. `within_window` and `retention` go by that end.",
    },
    {
      title: "What becomes of an occurrence",
      text: "Each is accounted for once, also over a crash: none fires twice. `petit why JOB` tells the last ones.",
      rows: [
        ["fired", "it has a run"],
        ["skipped", "petit was there and let it pass: paused, a dependency, an overlap, disabled"],
        ["missed", "petit was down or the machine asleep, and `catchup` did not cover it"],
      ],
    },
  ],
};
