import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { BackfillTable } from "../backfills/backfill-table.tsx";
import { backfillsQuery } from "../data/queries.ts";

const LISTED = 10;

/** Shows the newest backfills of a job; nothing if it has none. */
export const Backfills = ({ jobId }: { readonly jobId: string }) => {
  const { data } = useQuery(backfillsQuery(jobId, LISTED));
  if (data === undefined || data.count === 0) return null;
  return (
    <section className="card job-ledger" aria-labelledby="backfills">
      <h2 id="backfills">Backfills</h2>
      <BackfillTable backfills={data.backfills} hasJob={false} />
      {data.count === LISTED && (
        <p>
          <Link href="/backfills">All backfills</Link>
        </p>
      )}
    </section>
  );
};
