import type { JobSummary } from "../data/shapes.ts";
import { Choice, optionsFrom } from "../ui/choice.tsx";
import { TagChoice } from "../ui/tag-choice.tsx";
import { type SCHEDULE_FILTERS, type SortKey, STATUS_FILTERS } from "./job-list.ts";

type JobFiltersProps = {
  readonly jobs: readonly JobSummary[];
  readonly query: URLSearchParams;
  readonly onChange: (name: string, value: string) => void;
};

/** The filters of the list of jobs. The search field is in the header of the page. */
export const JobFilters = ({ jobs, query, onChange }: JobFiltersProps) => (
  <div className="choices">
    <TagChoice jobs={jobs} value={query.get("tag") ?? ""} onChange={(tag) => onChange("tag", tag)} />
    {FILTERS.map(({ name, ...rest }) => (
      <Choice
        key={name}
        {...rest}
        value={(query.get(name) ?? "").replace(/^-/, "")}
        onChange={(value) => onChange(name, value)}
      />
    ))}
  </div>
);

const SCHEDULE_LABELS = { on: "on", paused: "paused", off: "disabled", none: "manual only" } as const satisfies Record<
  (typeof SCHEDULE_FILTERS)[number],
  string
>;

const SORT_LABELS = {
  next: "next run",
  last: "last run",
  success: "success",
  usual: "usual duration",
  change: "change of duration",
} as const satisfies Record<Exclude<SortKey, "name">, string>;

const FILTERS = [
  { name: "status", label: "Last run", options: { "": "any", ...optionsFrom(STATUS_FILTERS) } },
  { name: "schedule", label: "Schedule", options: { "": "any", ...SCHEDULE_LABELS } },
  { name: "sort", label: "Sort", options: { "": "name", ...SORT_LABELS }, className: "phone-only" },
] as const;
