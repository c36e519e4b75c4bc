import { NICKNAMES } from "../../../domain/schedule/expression.ts";
import { fieldRows } from "../../commands/jobs/schema.ts";
import type { Topic, TopicRow, TopicSection } from "./topic.ts";

/** Examples of expressions. A test parses all of them. */
export const EXPRESSIONS: readonly TopicRow[] = [
  ["30 2 * * *", "every day at 02:30"],
  ["*/15 * * * *", "every 15 minutes"],
  ["0 9 * * mon-fri", "at 09:00 from Monday to Friday"],
  ["0 0 1,15 * mon", "on the 1st, on the 15th and on every Monday: either field matches, as in cron"],
  ["0 9 13 * +fri", "at 09:00 on Friday the 13th: with a + before the weekday, both fields must match"],
  ["0 18 L * *", "at 18:00 on the last day of the month"],
  ["0 8 * * fri#2", "at 08:00 on the second Friday of the month"],
  ["0 8 15W * *", "at 08:00 on the weekday nearest to the 15th"],
  ["30 0 0 * * *", "30 seconds past midnight: with six fields, the first is the second"],
  [
    "@reboot",
    "once for each boot of the machine, when petit starts; first at the boot after petit has read the job. Never on a system without a boot id, such as macOS",
  ],
  ["@every 1h30m", "every 90 minutes, counted from the Unix epoch, so that a restart changes nothing"],
];

const FIELDS = /^(schedule|enabled|max_concurrency|on_overlap)/;

export const schedules: Topic = {
  name: "schedules",
  summary: "When jobs run: expressions, time zones, daylight saving, catch-up",
  sections: () => scheduleSections(),
};

/** Returns the text of the topic, which is also in the manual (petit.yaml(5)). */
export const scheduleSections = (): readonly TopicSection[] => [
  {
    text:
      "Five fields are minute, hour, day of month, month and weekday. With six fields, the first is the second. Names, ranges, " +
      "lists and steps work as in cron. Sunday is 0 or 7. `petit next` shows the occurrences of a schedule.",
  },
  { title: "Expressions", rows: [...EXPRESSIONS, ...Object.entries(NICKNAMES)] },
  { title: "Fields", rows: fieldRows().filter(([path]) => FIELDS.test(path)) },
  {
    title: "Daylight saving",
    text:
      "As in cronie: an occurrence in the skipped hour fires once, right after that hour. An occurrence in the repeated hour " +
      "fires once. A schedule with a wildcard minute or hour follows real time instead. `petit next` marks both cases.",
  },
  {
    title: "Coming from cron",
    text:
      "`petit import crontab FILE` turns the lines of a crontab into job files that run as cron runs them, and says what became " +
      "of each line.",
  },
  {
    title: "Clock changes",
    text:
      "No occurrence fires twice. A monotonic clock measures runs, tasks and attempts from their start: if the system clock is " +
      "set during a run, durations and timeouts stay correct, and the stored end is the start plus the duration. " +
      "`within_window` and `retention` use that end.",
  },
  {
    title: "Outcomes of an occurrence",
    text: "Each occurrence is recorded once and never fires twice, even after a crash. `petit why JOB` lists the latest ones.",
    rows: [
      ["fired", "It started a run."],
      ["skipped", "petit was running but did not start a run: paused, a dependency, an overlap, disabled."],
      [
        "missed",
        "petit was down or the machine asleep, and `catchup` did not cover the occurrence. Or the database was restored from an older copy.",
      ],
    ],
  },
];
