import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { explanationText, failureWords } from "../../../domain/words/failure.ts";
import { paramsText, startedByText } from "../../../domain/words/run-facts.ts";
import { failurePath } from "../../../domain/words/run-path.ts";
import { waitsForText } from "../../../domain/words/waits-for.ts";
import { shortenMiddle } from "../../../lib/text.ts";
import { jobsQuery } from "../../data/queries.ts";
import type { RunData } from "../../data/shapes.ts";
import { RunStatusText } from "../status/status.tsx";
import { counted } from "../text/format.ts";
import { Duration, Elapsed, Time } from "../time/time.tsx";
import { Table } from "./table.tsx";

type RunTableProps = {
  readonly runs: readonly RunData[];
  readonly label: string;
  /** False if all runs belong to one job. */
  readonly hasJob?: boolean;
  /** True to show the occurrence of each run. */
  readonly hasOccurrence?: boolean;
  /** Adds a check box to each run. */
  readonly selection?: RunSelection;
};

type RunSelection = {
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], isSelected: boolean) => void;
};

/** A table of runs. A run shows what it waits for, or if it was read with its `failure`, the task that failed and its last line. */
export const RunTable = ({ runs, label, hasJob = true, hasOccurrence = false, selection }: RunTableProps) => {
  const hasReasons = runs.some(({ failure, waits_for }) => failure != null || waits_for !== null);
  const hasDetails = runs.some(({ triggered_by, params }) => triggered_by !== null || Object.keys(params).length > 0);
  const names = useJobNames(hasJob);
  return (
    <Table
      label={label}
      isCards
      className={`run-table${hasReasons ? " run-table-reasons" : hasDetails ? " run-table-details" : ""}`}
      head={
        <tr>
          <th scope="col">
            {selection !== undefined && (
              <SelectBox label="Select all runs" ids={runs.map(({ id }) => id)} selection={selection} />
            )}
            Status
          </th>
          {hasJob && <th scope="col">Job</th>}
          {hasOccurrence && <th scope="col">Occurrence</th>}
          {hasReasons && (
            <th scope="col" className="run-table-why">
              Why
            </th>
          )}
          <th scope="col">Started</th>
          <th scope="col" className="number">
            Took
          </th>
          <th scope="col" className="run-table-trigger">
            Trigger
          </th>
          <th scope="col">Run</th>
        </tr>
      }
    >
      {runs.map((run) => (
        <RunRow
          key={run.id}
          run={run}
          jobName={hasJob ? (names.get(run.job_id) ?? run.job_id) : null}
          hasReasons={hasReasons}
          hasOccurrence={hasOccurrence}
          selection={selection}
        />
      ))}
    </Table>
  );
};

/** Returns the names of all jobs by id. */
const useJobNames = (isOn: boolean): ReadonlyMap<string, string> => {
  const { data } = useQuery({ ...jobsQuery(), enabled: isOn, select: namesOf });
  return data ?? NO_NAMES;
};

const NO_NAMES: ReadonlyMap<string, string> = new Map();

const namesOf = ({ jobs }: { readonly jobs: readonly { readonly id: string; readonly name: string }[] }) =>
  new Map(jobs.map(({ id, name }) => [id, name]));

type RunRowProps = {
  readonly run: RunData;
  /** Null if the table has no column of jobs. */
  readonly jobName: string | null;
  readonly hasReasons: boolean;
  readonly hasOccurrence: boolean;
  readonly selection: RunSelection | undefined;
};

const RunRow = ({ run, jobName, hasReasons, hasOccurrence, selection }: RunRowProps) => (
  <tr>
    <td>
      {selection !== undefined && (
        <SelectBox label={`Select run ${run.id.slice(-8)} of ${run.job_id}`} ids={[run.id]} selection={selection} />
      )}
      <RunStatusText run={run} />
      {run.late_at !== null && <span className="tag">late</span>}
      {run.warnings > 0 && <small className="run-reason run-warnings">{counted(run.warnings, "warning")}</small>}
      {run.reason !== null && run.reason !== run.status && (
        <small className="muted run-reason">{run.reason.replaceAll("_", " ")}</small>
      )}
    </td>
    {jobName !== null && (
      <td data-label="Job">
        <Link href={`/jobs/${run.job_id}`} title={jobName === run.job_id ? undefined : run.job_id}>
          {jobName}
        </Link>
      </td>
    )}
    {hasOccurrence && (
      <td data-label="Occurrence">
        {run.scheduled_for !== null && <Time at={run.scheduled_for} isFocusable={false} />}
      </td>
    )}
    {hasReasons && (
      <td data-label="Why">{run.waits_for === null ? <Failure run={run} /> : <Wait waitsFor={run.waits_for} />}</td>
    )}
    <td data-label="Started">
      {run.started_at === null && <span className="muted">queued </span>}
      <Time at={run.started_at ?? run.created_at} isFocusable={false} />
    </td>
    <td className="number" data-label="Took">
      {run.status === "running" && run.started_at !== null ? (
        <Elapsed since={run.started_at} />
      ) : (
        <Duration ms={run.duration_ms} />
      )}
    </td>
    <td data-label="Trigger">
      <StartedBy run={run} />
    </td>
    <td data-label="Run">
      <Link href={`/runs/${run.id}`} className="mono" data-row>
        {run.id.slice(-8)}
      </Link>
    </td>
  </tr>
);

/** The trigger of a run, who asked for it, and its params. Shortened; the focused row shows all of it. */
const StartedBy = ({ run }: { readonly run: RunData }) => {
  const [by, params] = [startedByText(run), paramsText(run.params)];
  return (
    <span className="run-table-by" title={params === "" ? by : `${by}\n${params}`}>
      {by}
      {params !== "" && <small className="muted"> {params}</small>}
    </span>
  );
};

const Wait = ({ waitsFor }: { readonly waitsFor: NonNullable<RunData["waits_for"]> }) => {
  const text = `waits for ${waitsForText(waitsFor)}`;
  return (
    <span className="run-table-wait" title={text}>
      {text}
    </span>
  );
};

/** Longer texts are shown by their start and their end. The row leads to all of it, and so does the title. */
const MAX_WHY = 240;

/** The failed task of a run and why it failed, with a link to the line in the log that says it. */
const Failure = ({ run: { id, error, failure } }: { readonly run: RunData }) => {
  if (failure == null) return null;
  const words = failureWords(failure, error);
  const { task, more, before, line } = words;
  return (
    <Link href={failurePath(id, failure)} title={explanationText(words)} className="run-table-failure">
      {task !== null && <b>{task}</b>}
      {task !== null && more} {before !== null && <span className="muted">{shortenMiddle(before, MAX_WHY)}</span>}
      {before !== null && line !== null && " │ "}
      {line !== null && <span className="mono">{shortenMiddle(line, MAX_WHY)}</span>}
    </Link>
  );
};

type SelectBoxProps = { readonly label: string; readonly ids: readonly string[]; readonly selection: RunSelection };

/** A check box for these runs. */
const SelectBox = ({ label, ids, selection: { selected, onSelect } }: SelectBoxProps) => (
  <input
    type="checkbox"
    className="run-select"
    aria-label={label}
    checked={ids.length > 0 && ids.every((id) => selected.has(id))}
    onChange={({ target }) => onSelect(ids, target.checked)}
  />
);
