import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { OCCURRENCE_REASON_TEXT } from "../../domain/words/occurrence.ts";
import { occurrencesQuery } from "../data/queries.ts";
import type { OccurrenceData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status/status.tsx";
import { Table } from "../ui/table/table.tsx";
import { Countdown, Time } from "../ui/time/time.tsx";

type OccurrencesProps = { readonly jobId: string; readonly zone: string | null };

const COMING = 3;
const FEW = 10;
const MANY = 100;

/** Shows the upcoming occurrences, and the outcome of the past ones. */
export const Occurrences = ({ jobId, zone }: OccurrencesProps) => {
  const [limit, setLimit] = useState(FEW);
  const query = useQuery({
    ...occurrencesQuery(jobId, { limit, coming: COMING }),
    placeholderData: keepPreviousData,
  });
  return (
    <section className="card job-ledger" aria-labelledby="occurrences">
      <h2 id="occurrences">Occurrences</h2>
      <Loaded query={query} what="the occurrences">
        {({ occurrences }) => (
          <>
            <Ledger occurrences={occurrences} zone={zone} />
            {limit === FEW && occurrences.filter(({ outcome }) => outcome !== "due").length === FEW && (
              <Button onClick={() => setLimit(MANY)}>Show more</Button>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
};

type LedgerProps = { readonly occurrences: readonly OccurrenceData[]; readonly zone: string | null };

const Ledger = ({ occurrences, zone }: LedgerProps) => (
  <Table
    label="List of occurrences"
    isCards
    head={
      <tr>
        <th scope="col">Due</th>
        <th scope="col">Outcome</th>
        <th scope="col">Details</th>
      </tr>
    }
  >
    {occurrences.map((occurrence) => (
      <tr key={occurrence.scheduled_for} data-outcome={occurrence.outcome}>
        <td>
          <Time at={occurrence.scheduled_for} zone={zone} />
        </td>
        <td data-label="Outcome">
          <Status of={occurrence.outcome} />
        </td>
        <td data-label="Details">
          <Details occurrence={occurrence} zone={zone} />
        </td>
      </tr>
    ))}
  </Table>
);

const Details = ({
  occurrence: { outcome, reason, run_id, scheduled_for },
  zone,
}: { readonly occurrence: OccurrenceData } & Pick<LedgerProps, "zone">) => {
  if (outcome === "due") return <Countdown at={scheduled_for} zone={zone} />;
  if (reason !== null) return <span>{OCCURRENCE_REASON_TEXT[reason]}</span>;
  if (run_id === null) return <span className="muted">the run was deleted by retention</span>;
  return (
    <Link href={`/runs/${run_id}`} className="mono">
      {run_id.slice(-8)}
    </Link>
  );
};
