import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { WAITING_CODES } from "../../domain/limits/waiting-for.ts";
import { RUN_STATUSES, TRIGGERS } from "../../domain/run.ts";
import { waitingText } from "../../domain/words/waiting-for.ts";
import { petitNow } from "../data/petit-time.ts";
import { jobsQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
import { Choice, optionsFrom } from "../ui/choice.tsx";
import { TagChoice } from "../ui/tag-choice.tsx";
import { TextField } from "../ui/text-field.tsx";
import { fieldTime, JOBS_PATTERN, PARAM_PATTERN, PERIODS, type RunListQuery, urlTime } from "./run-filter.ts";

type RunFiltersProps = {
  readonly filter: RunListQuery;
  readonly query: URLSearchParams;
  readonly onChange: (values: Readonly<Record<string, string>>) => void;
};

/** The filters of the list of runs. */
export const RunFilters = ({ filter, query, onChange }: RunFiltersProps) => {
  const { data } = useQuery(jobsQuery());
  const [isOpen, setOpen] = useState(OTHERS.some((name) => query.has(name)));
  const jobs = data?.jobs.map(({ id }) => id) ?? [];
  const field = (name: string) => ({
    value: query.get(name) ?? "",
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <search className={`choices run-filters${isOpen ? " run-filters-open" : ""}`} aria-label="Filters of the runs">
      <TextField label="Text" placeholder="error, param, job, person" isSearch {...field("text")} />
      <TextField label="Job" placeholder="any" options={jobs} {...field("job")} />
      <TagChoice jobs={data?.jobs ?? []} {...field("tag")} />
      <Choice
        label="Status"
        options={STATUSES}
        value={filter.waitingFor === null ? (query.get("status") ?? "") : `${WAITING}${filter.waitingFor}`}
        onChange={(value) =>
          onChange(
            value.startsWith(WAITING)
              ? { status: "", waiting_for: value.slice(WAITING.length) }
              : { status: value, waiting_for: "" },
          )
        }
      />
      <Button kind="quiet" className="phone-only" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? "Fewer filters" : "More filters"}
      </Button>
      <TextField
        label="Except jobs"
        placeholder="none"
        options={jobs}
        pattern={JOBS_PATTERN}
        hint="Ids of jobs, separated by commas"
        {...field("except")}
      />
      <Choice label="Trigger" options={TRIGGER_OPTIONS} {...field("trigger")} />
      <TextField
        label="Param"
        placeholder="name=value"
        pattern={PARAM_PATTERN}
        hint="The name of a param, or name=value"
        {...field("param")}
      />
      <Choice label="Show" options={GROUPS} {...field("group")} />
      <PeriodField filter={filter} isCustom={query.has("from") || query.has("to")} onChange={onChange} />
    </search>
  );
};

/** The filters that a phone shows only when they are asked for, or when one of them applies. */
const OTHERS = ["except", "trigger", "param", "group", "within", "from", "to"];

/** Begins the value of an option for runs that wait for something. */
const WAITING = "waiting_for=";

const STATUSES = {
  "": "any",
  ...optionsFrom(RUN_STATUSES),
  ...Object.fromEntries(WAITING_CODES.map((code) => [`${WAITING}${code}`, waitingText(code)])),
};
const GROUPS = { "": "each run", job: "by job" };
const TRIGGER_OPTIONS = { "": "any", ...optionsFrom(TRIGGERS) };

type PeriodFieldProps = Pick<RunFiltersProps, "filter" | "onChange"> & { readonly isCustom: boolean };

const PERIOD_OPTIONS = {
  "": "any time",
  ...Object.fromEntries(Object.entries(PERIODS).map(([name, { label }]) => [name, label])),
  custom: "from … to …",
};

const DAY_MS = 86_400_000;

const PeriodField = ({ filter, isCustom, onChange }: PeriodFieldProps) => {
  const choose = (value: string): void => {
    const from = value === "custom" ? urlTime(fieldTime(filter.from ?? petitNow() - DAY_MS)) : "";
    onChange({ within: value === "custom" ? "" : value, from, to: "" });
  };
  return (
    <>
      <Choice
        label="Created"
        options={PERIOD_OPTIONS}
        value={isCustom && filter.within === null ? "custom" : (filter.within ?? "")}
        onChange={choose}
      />
      {isCustom && filter.within === null && (
        <>
          <TimeField label="From" at={filter.from} onChange={(from) => onChange({ from })} />
          <TimeField label="To" at={filter.to} onChange={(to) => onChange({ to })} />
        </>
      )}
    </>
  );
};

type TimeFieldProps = {
  readonly label: string;
  readonly at: number | null;
  readonly onChange: (urlTime: string) => void;
};

const TimeField = ({ label, at, onChange }: TimeFieldProps) => {
  const id = useId();
  return (
    <span className="choice">
      <label htmlFor={id}>{label}</label>
      <input
        key={at}
        id={id}
        type="datetime-local"
        defaultValue={fieldTime(at)}
        onBlur={({ currentTarget }) => currentTarget.value !== fieldTime(at) && onChange(urlTime(currentTarget.value))}
        onKeyDown={({ key, currentTarget }) => key === "Enter" && onChange(urlTime(currentTarget.value))}
      />
    </span>
  );
};
