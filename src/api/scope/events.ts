import type { Event, EventType } from "../../domain/event.ts";
import { assertNever } from "../../lib/never.ts";
import { type Feed, filteredFeed } from "../events/feed.ts";
import type { Visibility } from "./visibility.ts";

/** Returns a feed in which the events about other jobs have no text, so that a stream goes past them. */
export const scopedFeed = (feed: Feed, visibility: Visibility): Feed =>
  filteredFeed(feed, (event) => isEventOf(event, visibility));

/** Returns whether somebody who may know of some jobs gets an event: one about such a job, or about the scheduler as a whole. */
export const isEventOf = ({ type, jobId }: Pick<Event, "type" | "jobId">, visibility: Visibility): boolean =>
  jobId === null ? isForAll(type) : visibility.has(jobId);

/** Whether everybody gets an event that is about no job. */
const isForAll = (type: EventType): boolean => {
  switch (type) {
    case "jobs.reloaded":
    case "clock.set_back":
    case "scheduler.paused":
    case "scheduler.resumed":
    case "worker":
      return true;
    case "run.started":
    case "run.late":
    case "run.waiting":
    case "run.finished":
    case "task.started":
    case "task.finished":
    case "item.started":
    case "item.finished":
    case "approval":
    case "occurrence":
    case "delivery":
    case "backfill":
    case "jobs.repository":
    case "job.paused":
    case "job.resumed":
    case "job.renamed":
    case "job.stale":
    case "job.recovered":
    case "attention.changed":
      return false;
    default:
      return assertNever(type);
  }
};
