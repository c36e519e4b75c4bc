import { shorten } from "../../lib/text.ts";
import type { JobId } from "../ids.ts";
import { TAG_FORM, TAG_PATTERN } from "../job.ts";

/** A group of jobs: those whose id matches one of the patterns and that have one of the tags; null where any does. */
export type JobLimit = {
  /** Patterns of job ids, in which `*` stands for any characters. */
  readonly jobs: readonly string[] | null;
  readonly tags: readonly string[] | null;
};

/** The jobs that a person may know of: those of any of the groups; null for all jobs. */
export type JobScope = readonly JobLimit[] | null;

/**
 * What a route is about:
 * - `jobs`: it answers only about the jobs that the person may know of.
 * - `all`: it concerns all jobs, so nobody who is limited to some may use it.
 * - `none`: it answers everybody the same, or is about the person.
 */
export type RouteScope = "jobs" | "all" | "none";

/** Maximum of patterns, and of tags, in one group. */
export const MAX_LIMIT_ENTRIES = 100;

/** A pattern of job ids: the characters of an id, and `*`. */
const JOB_PATTERN = /^[A-Za-z0-9_.*-]{1,128}$/;
export const JOB_PATTERN_FORM =
  "the id of a job, or a pattern of at most 128 letters, digits and . _ - *, where * stands for any characters";

const TAG = new RegExp(TAG_PATTERN, "u");

/** What is wrong with a group of jobs, and where: `jobs` or `tags`, and the position in that list, from 0; null for the whole list. */
type LimitProblem = { readonly field: "jobs" | "tags"; readonly index: number | null; readonly problem: string };

/** Returns the first problem of the lists of a group, or null. */
export const limitProblem = ({ jobs, tags }: JobLimit): LimitProblem | null =>
  listProblem("jobs", jobs, JOB_PATTERN, JOB_PATTERN_FORM) ?? listProblem("tags", tags, TAG, TAG_FORM);

const listProblem = (
  field: LimitProblem["field"],
  list: readonly string[] | null,
  form: RegExp,
  expected: string,
): LimitProblem | null => {
  if (list === null) return null;
  if (list.length === 0 || list.length > MAX_LIMIT_ENTRIES)
    return { field, index: null, problem: `it has ${list.length} entries; expected 1 to ${MAX_LIMIT_ENTRIES}` };
  const index = list.findIndex((each) => !form.test(each));
  if (index === -1) return null;
  return { field, index, problem: `'${shorten(list[index] ?? "", 140)}' does not fit; expected ${expected}` };
};

/** Returns the group of jobs for some patterns and tags, both of which may be missing; null for all jobs. */
export const limitOf = (jobs: readonly string[] | null, tags: readonly string[] | null): JobScope =>
  jobs === null && tags === null ? null : [{ jobs, tags }];

type Scoped = { readonly id: JobId; readonly tags?: readonly string[] };

/** Returns whether somebody with a scope may know of a job. */
export const isInScope = (scope: JobScope, job: Scoped): boolean =>
  scope === null || scope.some((limit) => isInLimit(limit, job));

const isInLimit = ({ jobs, tags }: JobLimit, { id, tags: ofJob = [] }: Scoped): boolean =>
  (jobs === null || jobs.some((pattern) => matchesPattern(id, pattern))) &&
  (tags === null || tags.some((tag) => ofJob.includes(tag)));

/** Returns whether a text is what a pattern says, in which `*` stands for any characters. Takes time in proportion to both lengths. */
export const matchesPattern = (text: string, pattern: string): boolean => {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
};
