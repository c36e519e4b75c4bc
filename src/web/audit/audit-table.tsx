import { Link } from "wouter";
import { AUDIT_ACTION_WORDS, AUDIT_WAY_WORDS } from "../../domain/words/people/audit.ts";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { Time } from "../ui/time/time.tsx";
import type { AuditEntry } from "./audit-data.ts";

type AuditTableProps = {
  readonly entries: readonly AuditEntry[];
  /** Called with the filter that the user chooses. */
  readonly onFilter: (values: Readonly<Record<string, string>>) => void;
};

export const AuditTable = ({ entries, onFilter }: AuditTableProps) => (
  <Table
    label="Audit log"
    isCards
    className="audit-table"
    head={
      <tr>
        <th scope="col">Time</th>
        <th scope="col">Who</th>
        <th scope="col">Result</th>
        <th scope="col">Action</th>
        <th scope="col">On</th>
        <th scope="col">How</th>
      </tr>
    }
  >
    {entries.map((entry) => (
      <AuditRow key={entry.id} entry={entry} onFilter={onFilter} />
    ))}
  </Table>
);

const AuditRow = ({ entry, onFilter }: Omit<AuditTableProps, "entries"> & { readonly entry: AuditEntry }) => {
  const { id, at, who, role, how, address, action, allowed, count, request_id } = entry;
  return (
    <tr data-audit={id} data-action={action} data-allowed={allowed}>
      <td>
        <Time at={at} />
      </td>
      <td data-label="Who">
        {who === null ? (
          <span className="muted">{role === null ? "not known" : "no name"}</span>
        ) : (
          <button
            type="button"
            className="link button-quiet audit-who"
            title={`Only ${who}`}
            onClick={() => onFilter({ who })}
          >
            {who}
          </button>
        )}
        {role !== null && <small className="muted">{role}</small>}
      </td>
      <td data-label="Result">
        <Status of={allowed ? "completed" : "failed"} label={allowed ? "done" : "denied"} />
      </td>
      <td
        data-label="Action"
        className="audit-action"
        title={request_id === null ? action : `${action}, request ${request_id}`}
      >
        {AUDIT_ACTION_WORDS[action]}
        {count > 1 && ` (${count} times)`}
        <Details details={entry.details} />
      </td>
      <td data-label="On" className="audit-on">
        <On entry={entry} />
      </td>
      <td data-label="How">
        {AUDIT_WAY_WORDS[how]}
        {address !== null && <small className="muted">from {address}</small>}
      </td>
    </tr>
  );
};

/** What it was done to, with links to the job and the run. */
const On = ({ entry: { on, job_id, run_id } }: { readonly entry: AuditEntry }) => {
  if (on === null && job_id === null && run_id === null) return <span className="muted">petit</span>;
  return (
    <>
      {on !== null && on !== job_id && on !== run_id && <code>{on}</code>}
      {job_id !== null && (
        <Link href={`/jobs/${encodeURIComponent(job_id)}`} className="mono">
          {job_id}
        </Link>
      )}
      {run_id !== null && (
        <Link href={`/runs/${run_id}`} className="mono" title={run_id} data-row>
          run {run_id.slice(-8)}
        </Link>
      )}
    </>
  );
};

const Details = ({ details }: { readonly details: AuditEntry["details"] }) =>
  details !== null && (
    <details className="audit-details">
      <summary>Details</summary>
      <pre>{JSON.stringify(details, null, 2)}</pre>
    </details>
  );
