import type { JobSummary, RunData } from "../data/shapes.ts";
import { findJobs, formerIdFor } from "../shell/search/find-jobs.ts";

/** Something that the palette offers. */
export type PaletteEntry =
  | {
      readonly kind: "job";
      readonly job: Pick<JobSummary, "id" | "name" | "last_run" | "gone">;
      /** The former id that the text matches, if nothing else does. */
      readonly formerId: string | null;
    }
  | { readonly kind: "trigger"; readonly job: Pick<JobSummary, "id" | "name"> }
  | { readonly kind: "run"; readonly run: RunData }
  | { readonly kind: "link"; readonly label: string; readonly href: string }
  | { readonly kind: "action"; readonly label: string; readonly key: string; readonly run: () => void };

type PaletteAction = { readonly what: string; readonly key: string; readonly run: () => void };

type PaletteData = {
  readonly jobs: readonly JobSummary[];
  /** The jobs that no job file defines any more. */
  readonly goneJobs: readonly JobSummary[];
  /** Runs whose ids match the text. */
  readonly runs: readonly RunData[];
  readonly actions: readonly PaletteAction[];
};

const MAX_JOBS = 6;
const MAX_GONE_JOBS = 3;
/** Jobs that the palette offers to run. */
const MAX_TRIGGERS = 3;

/** Returns what matches a text: jobs, then those without a file, runs by id, actions, and searches of runs. Without a text, the actions. */
export const offersFor = (text: string, { jobs, goneJobs, runs, actions }: PaletteData): readonly PaletteEntry[] => {
  const searched = text.trim();
  const matching = actions.filter(({ what }) => contains(what, searched));
  const offeredActions = matching.map(
    ({ what, key, run }): PaletteEntry => ({ kind: "action", label: what, key, run }),
  );
  if (searched === "") return offeredActions;
  const name = searched.replace(/^run /i, "");
  const found = findJobs(jobs, name).slice(0, MAX_JOBS);
  const gone = findJobs(goneJobs, name).slice(0, MAX_GONE_JOBS);
  const asked = [...found, ...gone].map(
    (job): PaletteEntry => ({ kind: "job", job, formerId: formerIdFor(job, name) }),
  );
  const triggers = found.slice(0, MAX_TRIGGERS).map((job): PaletteEntry => ({ kind: "trigger", job }));
  const isTrigger = name !== searched;
  return [
    ...runs.map((run): PaletteEntry => ({ kind: "run", run })),
    ...(isTrigger ? [...triggers, ...asked] : [...asked, ...triggers]),
    ...offeredActions,
    ...searches(searched),
  ];
};

/** Returns true if the words of the text occur in the other text, in any order. */
const contains = (text: string, searched: string): boolean => {
  const lower = text.toLowerCase();
  return searched
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
};

/** Shorter texts can't be searched for in output. */
const MIN_OUTPUT_TEXT = 3;

const PARAM = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}=/;

/** Returns links to the lists of jobs, runs and lines of output that match the text. */
const searches = (text: string): readonly PaletteEntry[] => {
  const link = (label: string, path: string, query: Readonly<Record<string, string>>): PaletteEntry => ({
    kind: "link",
    label,
    href: `${path}?${new URLSearchParams(query)}`,
  });
  return [
    ...(PARAM.test(text) ? [link(`Runs with the param ${text}`, "/runs", { param: text })] : []),
    link(`Runs with “${text}” in params, error or job`, "/runs", { text: text.slice(0, 200) }),
    link(`Jobs with “${text}”`, "/jobs", { q: text }),
    ...([...text].length < MIN_OUTPUT_TEXT
      ? []
      : [link(`Output with “${text}”`, "/search", { q: text.slice(0, 200) })]),
  ];
};

/** Returns true if the text may be a part of the id of a run, so that petit is asked for it. */
export const isRunIdPart = (text: string): boolean => /^[0-9a-f-]{4,36}$/i.test(text.trim()) && /\d/.test(text);
