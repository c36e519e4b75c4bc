import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { RUN_STATUSES, TRIGGERS } from "../../domain/run.ts";
import { jobsQuery } from "../data/queries.ts";
import { Choice, optionsFrom } from "../ui/choice.tsx";

type RunFiltersProps = {
  readonly query: URLSearchParams;
  readonly onChange: (name: string, value: string) => void;
};

/** The filters of the list of runs. */
export const RunFilters = ({ query, onChange }: RunFiltersProps) => (
  <div className="choices">
    <JobField value={query.get("job") ?? ""} onChange={(job) => onChange("job", job)} />
    {FILTERS.map(({ name, ...rest }) => (
      <Choice key={name} {...rest} value={query.get(name) ?? ""} onChange={(value) => onChange(name, value)} />
    ))}
  </div>
);

const FILTERS = [
  { name: "status", label: "Status", options: { "": "any", ...optionsFrom(RUN_STATUSES) } },
  { name: "trigger", label: "Trigger", options: { "": "any", ...optionsFrom(TRIGGERS) } },
  { name: "group", label: "Show", options: { "": "each run", job: "by job" } },
] as const;

type JobFieldProps = { readonly value: string; readonly onChange: (job: string) => void };

/** A field for a job id that suggests the known ids. */
const JobField = ({ value, onChange }: JobFieldProps) => {
  const id = useId();
  const { data } = useQuery(jobsQuery());
  const isKnown = (text: string): boolean => data?.jobs.some((job) => job.id === text) ?? false;
  return (
    <form
      className="choice"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(String(new FormData(event.currentTarget).get("job") ?? "").trim());
      }}
    >
      <label htmlFor={id}>Job</label>
      <input
        key={value}
        id={id}
        name="job"
        type="search"
        list={`${id}-jobs`}
        placeholder="any"
        autoComplete="off"
        spellCheck={false}
        defaultValue={value}
        onChange={({ target }) => (target.value === "" || isKnown(target.value)) && onChange(target.value)}
      />
      <datalist id={`${id}-jobs`}>
        {data?.jobs.map((job) => (
          <option key={job.id} value={job.id} />
        ))}
      </datalist>
    </form>
  );
};
