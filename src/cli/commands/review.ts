import { defaultZone } from "../../app/settings/settings.ts";
import { PetitError } from "../../domain/errors.ts";
import { parseSpan } from "../../domain/time-span.ts";
import { openClient } from "../client/client.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { reviewText } from "../review/review-text.ts";
import { TAG_FLAG } from "../tags.ts";
import { writePaged } from "../terminal/pager.ts";

const DEFAULT_SINCE = "1d";

export const review = defineCommand({
  name: "review",
  summary: "Show what happened in a period, and what is due today",
  description:
    "Shows what failed and is still broken, what failed and recovered, what did not run and why, what became slower, which tasks " +
    "needed retries, who did what, what waited longest, and what is due today. Asks the running petit. A time is a duration before now " +
    "(2h, 3d, 2w), today, yesterday, the name of a weekday, a date, or 2026-03-08T01:30; 'friday 18:00' is possible, too. " +
    "The name of today's weekday is a week ago. --json has the format of GET /api/review.",
  args: {
    since: { type: "string", valueHint: "TIME", description: `Start of the period. [default: ${DEFAULT_SINCE}]` },
    until: { type: "string", valueHint: "TIME", description: "End of the period, exclusive. [default: now]" },
    pager: {
      type: "boolean",
      description: "Show a long review in a pager.",
      negativeDescription: "Write a long review at once. Otherwise a terminal shows it in $PAGER, or in less.",
    },
    tag: { ...TAG_FLAG, description: "Only jobs with this tag; several, separated by commas, must all be there." },
  },
  settings: ["timezone"],
  examples: [
    "petit review --since friday",
    "petit review --since 2026-03-02 --until 2026-03-09 --tag etl",
    "petit review --since 1w --json",
  ],
  run: async ({ since = DEFAULT_SINCE, until, tag, pager = true }, context) => {
    const { clock, settings, terminal, environment, json } = context;
    const zone = defaultZone(settings);
    // The words are read here, because the zone of the reader counts.
    const span = parseSpan({ since, until }, { now: clock.now(), zone });
    if ("problem" in span) throw new PetitError("invalid_request", `--${span.field} ${span.problem}`);
    const iso = (at: number): string => new Date(at).toISOString();
    const query = { since: iso(span.from), ...(until !== undefined && { until: iso(span.to) }), tag };
    const answer = await openClient(context).get("/api/review", { query });
    const { out } = terminal;
    if (json) out.write(`${JSON.stringify(answer, null, 2)}\n`);
    else {
      const text = reviewText(answer, { screen: out, now: clock.now(), zone, tag });
      writePaged(text, { terminal, environment, isWanted: pager });
    }
    return EXIT.DONE;
  },
});
