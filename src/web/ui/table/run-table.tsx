import { Link } from "wouter";
import type { RunData } from "../../data/shapes.ts";
import { Status } from "../status/status.tsx";
import { Duration, Elapsed, Time } from "../time/time.tsx";
import { Table } from "./table.tsx";

type RunTableProps = {
  readonly runs: readonly RunData[];
  readonly label: string;
  /** False if all runs belong to one job. */
  readonly hasJob?: boolean;
  /** Adds a check box to each run. */
  readonly selection?: RunSelection;
};

type RunSelection = {
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], isSelected: boolean) => void;
};

/** A table of runs. */
export const RunTable = ({ runs, label, hasJob = true, selection }: RunTableProps) => (
  <Table
    label={label}
    isCards
    className="run-table"
    head={
      <tr>
        <th scope="col">
          {selection !== undefined && (
            <SelectBox label="Select all runs" ids={runs.map(({ id }) => id)} selection={selection} />
          )}
          Status
        </th>
        {hasJob && <th scope="col">Job</th>}
        <th scope="col">Started</th>
        <th scope="col" className="number">
          Took
        </th>
        <th scope="col">Trigger</th>
        <th scope="col">Run</th>
      </tr>
    }
  >
    {runs.map((run) => (
      <RunRow key={run.id} run={run} hasJob={hasJob} selection={selection} />
    ))}
  </Table>
);

type RunRowProps = {
  readonly run: RunData;
  readonly hasJob: boolean;
  readonly selection: RunSelection | undefined;
};

const RunRow = ({ run, hasJob, selection }: RunRowProps) => (
  <tr>
    <td>
      {selection !== undefined && (
        <SelectBox label={`Select run ${run.id.slice(-8)} of ${run.job_id}`} ids={[run.id]} selection={selection} />
      )}
      <Status of={run.status} />
      {run.reason !== null && run.reason !== run.status && (
        <small className="muted run-reason">{run.reason.replaceAll("_", " ")}</small>
      )}
    </td>
    {hasJob && (
      <td data-label="Job">
        <Link href={`/jobs/${run.job_id}`}>{run.job_id}</Link>
      </td>
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
    <td data-label="Trigger">{run.trigger}</td>
    <td data-label="Run">
      <Link href={`/runs/${run.id}`} className="mono" data-row>
        {run.id.slice(-8)}
      </Link>
    </td>
  </tr>
);

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
