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
};

/** A table of runs. */
export const RunTable = ({ runs, label, hasJob = true }: RunTableProps) => (
  <Table
    label={label}
    isCards
    className="run-table"
    head={
      <tr>
        <th scope="col">Status</th>
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
      <RunRow key={run.id} run={run} hasJob={hasJob} />
    ))}
  </Table>
);

const RunRow = ({ run, hasJob }: { readonly run: RunData; readonly hasJob: boolean }) => (
  <tr>
    <td>
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
