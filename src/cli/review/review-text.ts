import type { ReviewBody } from "../../api/shapes/figures/review.ts";
import { changeText } from "../../domain/words/duration-change.ts";
import { staleSinceText } from "../../domain/words/inbox/expectation.ts";
import {
  actionText,
  actorText,
  childFailuresText,
  deletedRunsText,
  dueCountText,
  failuresWords,
  namedJobText,
  REVIEW_NOTHING,
  REVIEW_PARTS,
  REVIEW_TITLES,
  type ReviewPartName,
  runCountsText,
  timesText,
} from "../../domain/words/review.ts";
import { otherParamsText } from "../../domain/words/run-facts.ts";
import { OCCURRENCE_REASON_TEXT } from "../../domain/words/schedule/occurrence.ts";
import { pluralize } from "../../lib/text.ts";
import { runName } from "../run-display/short-id.ts";
import { durationText } from "../run-display/status-text.ts";
import { fold } from "../terminal/columns.ts";
import { readableLocal, shortLocal } from "../terminal/local-time.ts";
import { paint, type Screen, type Style } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";

type Review = typeof ReviewBody.static;

type ReviewTextOptions = {
  readonly screen: Screen;
  readonly now: number;
  readonly zone: string;
  readonly tag: string | undefined;
  /** Number of items of each part that are left out at the start. */
  readonly offset: number;
  /** Maximum number of items of a part that can be asked for. */
  readonly maxItems: number;
};

/** Returns a review for a terminal: a heading for each part, and a paragraph for each item. */
export const reviewText = (review: Review, options: ReviewTextOptions): string => {
  const { screen, zone, tag, now } = options;
  const about = tag === undefined ? "" : `, only jobs with the tag ${tag}`;
  const until = Math.abs(now - review.to) < NOW_MS ? "now" : readableLocal(review.to, zone);
  const head = `${readableLocal(review.from, zone)} to ${until}${about}`;
  const parts = REVIEW_PARTS.map((name) => partText(name, review, options));
  const { deleted } = review;
  const gap =
    deleted === null ? "" : `${fold(deletedRunsText(deleted.jobs, readableLocal(deleted.until, zone)), "", screen)}\n`;
  return `${fold(paint(screen, "bold", head), "", screen)}\n${runCountsText(review.runs)}\n${gap}${parts.join("")}`;
};

/** An end within this time, in ms, is shown as now. */
const NOW_MS = 60_000;

const STYLES = {
  broken: "red",
  stale: "red",
  recovered: "green",
  unfired: "yellow",
  slower: "yellow",
  flaky: "yellow",
  people: "cyan",
  waits: "cyan",
  due: "cyan",
} as const satisfies Record<ReviewPartName, Style>;

const partText = (name: ReviewPartName, review: Review, options: ReviewTextOptions): string => {
  const { screen } = options;
  const { left_out: leftOut } = review[name];
  const items = itemTexts(name, review, options);
  // How many there are before the page is only known if there is something on it.
  if (options.offset > 0 && items.length === 0) return "";
  const count = options.offset + items.length + leftOut;
  const title = paint(screen, "bold", `${REVIEW_TITLES[name]}${count === 0 ? "" : ` (${count})`}`);
  const lines = items.map(({ subject, text, detail }) => {
    const first = `${paint(screen, STYLES[name], oneLine(subject))}  ${oneLine(text)}`;
    const second = detail === undefined ? "" : `\n    ${paint(screen, "dim", fold(oneLine(detail), "    ", screen))}`;
    return `  ${fold(first, "    ", screen)}${second}\n`;
  });
  const rest = leftOut === 0 ? "" : `  ${paint(screen, "dim", moreText(items.length, leftOut, options))}\n`;
  const nothing = items.length === 0 ? `  ${paint(screen, "dim", REVIEW_NOTHING[name])}\n` : "";
  return `\n${title}\n${lines.join("")}${rest}${nothing}`;
};

/** Returns how many more items there are, and how to list them: `and 60 more, with --limit 110`. */
const moreText = (listed: number, leftOut: number, { offset, maxItems }: ReviewTextOptions): string => {
  const flag = listed < maxItems ? `--limit ${Math.min(maxItems, listed + leftOut)}` : `--offset ${offset + listed}`;
  return `and ${leftOut} more, with ${flag}`;
};

type ItemText = {
  readonly subject: string;
  readonly text: string;
  /** A line below. */
  readonly detail?: string;
};

const itemTexts = (name: ReviewPartName, review: Review, options: ReviewTextOptions): readonly ItemText[] => {
  const { screen, now, zone } = options;
  const time = (at: number): string =>
    screen.isTerminal ? shortLocal(at, { now, zone, home: zone }) : readableLocal(at, zone);
  const failed = (job: Review["broken"]["items"][number]): ItemText => {
    const { recovery } = job;
    const { text, since } = failuresWords(job);
    const often = since === null ? text : `${text} ${time(since)}`;
    const isOnly = job.failures === 1 && since === null;
    const last = `${isOnly ? "" : "the last "}${runName(job.last_run_id, screen)} at ${time(job.last_at)}`;
    const end =
      recovery === null
        ? ""
        : `; recovered by ${runName(recovery.run_id, screen)} at ${time(recovery.at)}${otherParamsText(recovery)}`;
    const gone = job.gone ? "; the job was removed" : "";
    const children = job.children.map((child) => `; ${childFailuresText(child)} ${namedJobText(child)}`).join("");
    const where = job.task_id === null ? "" : `${job.task_id}: `;
    return {
      subject: namedJobText(job),
      text: `${often}, ${last}${children}${end}${gone}`,
      ...(job.cause !== null && { detail: `${where}${job.cause}` }),
    };
  };
  switch (name) {
    case "broken":
    case "recovered":
      return review[name].items.map(failed);
    case "stale":
      return review.stale.items.map(({ since, ...job }) => ({
        subject: namedJobText(job),
        text: `stale ${staleSinceText({ ...job, stale_since: since }, time)}`,
      }));
    case "unfired":
      return review.unfired.items.map(({ outcome, reason, count, last_at, ...job }) => ({
        subject: namedJobText(job),
        text: `${outcome} ${timesText(count)}, ${count === 1 ? "" : "last "}at ${time(last_at)}: ${OCCURRENCE_REASON_TEXT[reason]}`,
      }));
    case "slower":
      return review.slower.items.map(({ change, ...job }) => ({
        subject: namedJobText(job),
        text: `${changeText(change)}: median ${durationText(change.recent_ms)} of ${pluralize(change.recent_runs, "run")}, before ${durationText(change.before_ms)} of ${change.before_runs}`,
      }));
    case "flaky":
      return review.flaky.items.map(({ task_id, runs, last_run_id, last_at, ...job }) => ({
        subject: `${namedJobText(job)}: ${task_id}`,
        text: `in ${pluralize(runs, "run")}, the last ${runName(last_run_id, screen)} at ${time(last_at)}`,
      }));
    case "people":
      return review.people.items.map((action) => ({
        subject: actorText(action.actor),
        text: `${actionText(action)}, ${action.count === 1 ? "" : "last "}at ${time(action.last_at)}`,
      }));
    case "waits":
      return review.waits.items.map(({ run_id, since, waited_ms, queue, waiting, ...job }) => ({
        subject: namedJobText(job),
        text: `${runName(run_id, screen)} ${waiting ? "has waited" : "waited"} ${durationText(waited_ms)} since ${time(since)}${queue === null ? "" : `, queue ${queue}`}`,
      }));
    case "due":
      return review.due.items.map(({ next_at, count, ...job }) => ({
        subject: namedJobText(job),
        text: `${time(next_at)}${count === 1 ? "" : `, ${dueCountText(count)}`}`,
      }));
  }
};
