import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { progressText } from "../../domain/words/schedule/backfill.ts";
import { jobsQuery } from "../data/queries.ts";
import { useJobName, useScheduleZone } from "../data/selected.ts";
import type { BackfillData } from "../data/shapes.ts";
import { Table } from "../ui/table/table.tsx";
import { wholeDaysText } from "../ui/text/format.ts";
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
            <JobLink jobId={backfill.job_id} />
          </td>
        )}
        <td data-label="Range" className="backfill-range">
          <Range backfill={backfill} />
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

const JobLink = ({ jobId }: { readonly jobId: string }) => <Link href={`/jobs/${jobId}`}>{useJobName(jobId)}</Link>;

/** The range of a backfill: dates, as most are given, or times. */
const Range = ({ backfill: { job_id, from, to } }: { readonly backfill: BackfillData }) => {
  const { data } = useQuery({ ...jobsQuery(), select: ({ jobs }) => jobs.find(({ id }) => id === job_id)?.timezone });
  const zone = useScheduleZone(data ?? null);
  const days = zone === null ? null : wholeDaysText(from, to, zone);
  if (days !== null) return <span className="nowrap">{days}</span>;
  return (
    <>
      <Time at={from} isFocusable={false} /> to <Time at={to} isFocusable={false} />
    </>
  );
};
