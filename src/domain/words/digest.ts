import type { Review, ReviewPart } from "../review/review.ts";
import { changeText } from "./duration-change.ts";
import { actorText, REVIEW_TITLES, runCountsText, timesText } from "./review.ts";

/** Number of items that a line names. */
const NAMED = 4;

/** Returns the title of a digest, and a line for each part of a review that has something. */
export const digestWords = (review: Review): { readonly title: string; readonly lines: readonly string[] } => {
  const { broken, recovered, unfired, slower, flaky, people, due } = review;
  const actors = [...new Set(people.items.map(({ actor }) => actorText(actor)))];
  return {
    title: `Review: ${countOf(broken)} still broken, ${countOf(recovered)} recovered, ${countOf(slower)} slower`,
    lines: [
      `${runCountsText(review.runs)}.`,
      line("broken", broken, ({ jobId, failures }) => `${jobId} (failed ${timesText(failures)})`),
      line("recovered", recovered, ({ jobId }) => jobId),
      line("unfired", unfired, ({ jobId, outcome, count }) => `${jobId} (${outcome} ${timesText(count)})`),
      line(
        "slower",
        slower,
        ({ jobId, change }) => `${jobId} (${changeText({ recent_ms: change.recentMs, before_ms: change.beforeMs })})`,
      ),
      line("flaky", flaky, ({ jobId, taskId }) => `${jobId} ${taskId}`),
      actors.length === 0
        ? ""
        : `People: ${actors.slice(0, NAMED).join(", ")}${actors.length > NAMED ? ` and ${actors.length - NAMED} more` : ""}.`,
      line("due", due, ({ jobId }) => jobId),
    ].filter((text) => text !== ""),
  };
};

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
