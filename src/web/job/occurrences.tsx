import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { runPath } from "../../domain/words/run-path.ts";
import { OCCURRENCE_REASON_TEXT } from "../../domain/words/schedule/occurrence.ts";
import { occurrencesQuery } from "../data/queries.ts";
import { useScheduleZone } from "../data/selected.ts";
import type { OccurrenceData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { counted } from "../ui/text/format.ts";
import { ZonedTime } from "../ui/time/time.tsx";

type OccurrencesProps = { readonly jobId: string; readonly timezone: string | null };

const FEW = 10;
/** Number of occurrences that are searched for those without a run. */
const SEARCHED = 200;

/** Shows the occurrences that did not start a run, and why. The history shows the others. */
export const Occurrences = ({ jobId, timezone }: OccurrencesProps) => {
  const zone = useScheduleZone(timezone);
  const [isWhole, setWhole] = useState(false);
  const query = useQuery({ ...occurrencesQuery(jobId, { limit: SEARCHED }), placeholderData: keepPreviousData });
  return (
    <section className="card job-ledger" aria-labelledby="occurrences">
      <h2 id="occurrences">Skipped and missed</h2>
      <Loaded query={query} what="the occurrences">
        {({ occurrences }) => {
          const unfired = occurrences.filter(({ outcome }) => outcome === "skipped" || outcome === "missed");
          if (unfired.length === 0) return <p className="muted">{noneText(occurrences.length)}</p>;
          return (
            <>
              <p className="muted">
                {unfired.length.toLocaleString()} of the last {counted(occurrences.length, "occurrence")} started no
                run.
              </p>
              <Ledger occurrences={isWhole ? unfired : unfired.slice(0, FEW)} zone={zone} />
              {!isWhole && unfired.length > FEW && (
                <Button onClick={() => setWhole(true)}>Show {unfired.length - FEW} more</Button>
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
};

const noneText = (count: number): string =>
  count === 0
    ? "No occurrence has been due yet."
    : `None: each of the last ${counted(count, "occurrence")} started a run.`;

type LedgerProps = { readonly occurrences: readonly OccurrenceData[]; readonly zone: string | null };

const Ledger = ({ occurrences, zone }: LedgerProps) => (
  <Table
    label="Occurrences without a run"
    isCards
    head={
      <tr>
        <th scope="col">Due</th>
        <th scope="col">Outcome</th>
        <th scope="col">Reason</th>
      </tr>
    }
  >
    {occurrences.map((occurrence) => (
      <tr key={occurrence.scheduled_for} data-outcome={occurrence.outcome}>
        <td>
          <ZonedTime at={occurrence.scheduled_for} zone={zone} />
        </td>
        <td data-label="Outcome">
          <Status of={occurrence.outcome} />
        </td>
        <td data-label="Reason">
          {occurrence.reason !== null && OCCURRENCE_REASON_TEXT[occurrence.reason]}
          {occurrence.backfill_run_id !== undefined && (
            <>
              ; <Link href={runPath(occurrence.backfill_run_id)}>a backfill ran it</Link>
            </>
          )}
        </td>
      </tr>
    ))}
  </Table>
);
