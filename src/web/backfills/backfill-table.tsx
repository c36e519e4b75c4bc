import { Link } from "wouter";
import { progressText } from "../../domain/words/schedule/backfill.ts";
import type { BackfillData } from "../data/shapes.ts";
import { Table } from "../ui/table/table.tsx";
import { Time } from "../ui/time/time.tsx";
import { BackfillStatusText, Progress } from "./backfill-status.tsx";

type BackfillTableProps = {
  readonly backfills: readonly BackfillData[];
  /** False if all belong to one job. */
  readonly hasJob?: boolean;
};

/** A table of backfills, with the progress of each. */
export const BackfillTable = ({ backfills, hasJob = true }: BackfillTableProps) => (
  <Table
    label={hasJob ? "All backfills" : "Backfills of this job"}
    isCards
    head={
      <tr>
        <th scope="col">Status</th>
        {hasJob && <th scope="col">Job</th>}
        <th scope="col">Range</th>
        <th scope="col">Progress</th>
        <th scope="col">Created</th>
        <th scope="col">Backfill</th>
      </tr>
    }
  >
    {backfills.map((backfill) => (
      <tr key={backfill.id}>
        <td>
          <BackfillStatusText backfill={backfill} />
        </td>
        {hasJob && (
          <td data-label="Job">
            <Link href={`/jobs/${backfill.job_id}`}>{backfill.job_id}</Link>
          </td>
        )}
        <td data-label="Range" className="backfill-range">
          <Time at={backfill.from} isFocusable={false} /> to <Time at={backfill.to} isFocusable={false} />
        </td>
        <td data-label="Progress">
          <Progress runs={backfill.runs} /> {progressText(backfill.runs)}
        </td>
        <td data-label="Created">
          <Time at={backfill.created_at} isFocusable={false} />
          {backfill.created_by !== null && <span className="muted"> by {backfill.created_by}</span>}
        </td>
        <td data-label="Backfill">
          <Link href={`/backfills/${backfill.id}`} className="mono" data-row>
            {backfill.id.slice(-8)}
          </Link>
        </td>
      </tr>
    ))}
  </Table>
);
