import type { Review, ReviewPart } from "../review/review.ts";
import { changeText } from "./duration-change.ts";
import { actorText, deletedRunsText, REVIEW_TITLES, runCountsText, timesText } from "./review.ts";

/** Number of items that a line names. */
const NAMED = 4;

/** Returns the title of a digest, and a line for each part of a review that has something. */
export const digestWords = (
  review: Review,
  tag: string | null,
): { readonly title: string; readonly lines: readonly string[] } => {
  const { broken, stale, recovered, unfired, slower, flaky, people, due } = review;
  const actors = [...new Set(people.items.map(({ actor }) => actorText(actor)))];
  return {
    title: `Review: ${countOf(broken)} still broken, ${countOf(recovered)} recovered, ${countOf(slower)} slower`,
    lines: [
      tag !== null && review.jobs === 0 ? `No job has the tag ${tag}.` : "",
      `${runCountsText(review.runs)}.`,
      review.deleted === null ? "" : deletedRunsText(review.deleted.jobs, timeText(review.deleted.until)),
      line("broken", broken, ({ jobName, failures, streak }) =>
        failures === 0 && streak !== null
          ? `${jobName} (failing since ${timeText(streak.since)})`
          : `${jobName} (failed ${timesText(failures)})`,
      ),
      line("stale", stale, ({ jobName, since }) => `${jobName} (stale since ${timeText(since)})`),
      line("recovered", recovered, ({ jobName }) => jobName),
      line("unfired", unfired, ({ jobName, outcome, count }) => `${jobName} (${outcome} ${timesText(count)})`),
      line(
        "slower",
        slower,
        ({ jobName, change }) =>
          `${jobName} (${changeText({ recent_ms: change.recentMs, before_ms: change.beforeMs })})`,
      ),
      line("flaky", flaky, ({ jobName, taskId }) => `${jobName}: ${taskId}`),
      actors.length === 0
        ? ""
        : `People: ${actors.slice(0, NAMED).join(", ")}${actors.length > NAMED ? ` and ${actors.length - NAMED} more` : ""}.`,
      line("due", due, ({ jobName }) => jobName),
    ].filter((text) => text !== ""),
  };
};

/** Returns a time such as `2026-01-01 02:00 UTC`, as notifications have them. */
const timeText = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

const countOf = ({ items, leftOut }: ReviewPart<unknown>): number => items.length + leftOut;

const line = <Item>(
  name: keyof typeof REVIEW_TITLES,
  part: ReviewPart<Item>,
  textOf: (item: Item) => string,
): string => {
  const count = countOf(part);
  if (count === 0) return "";
  const rest = count - Math.min(NAMED, part.items.length);
  return `${REVIEW_TITLES[name]}: ${part.items.slice(0, NAMED).map(textOf).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}.`;
};
