import { openClient } from "../../client/client.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { readCount } from "../../flag-values.ts";
import { reviewText } from "../../review/review-text.ts";
import { TAG_FLAG } from "../../tags.ts";
import { writePaged } from "../../terminal/pager.ts";

const DEFAULT_SINCE = "1d";
const LIMIT = { flag: "--limit", max: 1000 };
const OFFSET = { flag: "--offset", max: 1_000_000 };

export const review = defineCommand({
  name: "review",
  summary: "Show what happened in a period, and what is due today",
  description:
    "Shows what failed and is still broken, which jobs are stale, what failed and recovered, what did not run and why, what became slower, which tasks " +
    "needed retries, who did what, what waited longest, and what is due today. Asks the running petit. A time is a duration before now " +
    "(2h, 3d, 2w), today, yesterday, the name of a weekday, a date, or 2026-03-08T01:30; 'friday 18:00' is possible, too. " +
    "The name of today's weekday is a week ago. Days and times without an offset are in petit's time zone, which times are shown in, too, " +
    "unless --timezone names another one. --json has the format of GET /api/review.",
  args: {
    since: { type: "string", valueHint: "TIME", description: `Start of the period. [default: ${DEFAULT_SINCE}]` },
    until: { type: "string", valueHint: "TIME", description: "End of the period, exclusive. [default: now]" },
    pager: {
      type: "boolean",
      description: "Show a long review in a pager.",
      negativeDescription: "Write a long review at once. Otherwise a terminal shows it in $PAGER, or in less.",
    },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of items of each part, 1 to ${LIMIT.max}. Otherwise 50, or fewer of what is less important.`,
    },
    offset: {
      type: "string",
      valueHint: "N",
      description: "Leave out the first N items of each part, 1 to 1000000.",
    },
    tag: { ...TAG_FLAG, description: "Only jobs with this tag; several, separated by commas, must all be there." },
  },
  settings: ["timezone"],
  examples: [
    "petit review --since friday",
    "petit review --since 2026-03-02 --until 2026-03-09 --tag etl",
    "petit review --since 1w --json",
    "petit review --since 4w --limit 1000",
  ],
  run: async ({ since = DEFAULT_SINCE, until, tag, pager = true, ...given }, context) => {
    const { clock, settings, terminal, environment, json } = context;
    // petit reads the words: its days are those of its schedules, wherever the reader is.
    const limit = readCount(given.limit, LIMIT) ?? undefined;
    const offset = readCount(given.offset, OFFSET) ?? 0;
    const answer = await openClient(context).get("/api/review", { query: { since, until, tag, limit, offset } });
    const zone = settings.timezone ?? answer.timezone;
    const { out } = terminal;
    if (json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
    else {
      const text = reviewText(answer, { screen: out, now: clock.now(), zone, tag, offset, maxItems: LIMIT.max });
      writePaged(text, { terminal, environment, isWanted: pager });
    }
    return EXIT.DONE;
  },
});
