import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { backfillsQuery } from "../data/queries.ts";
import { CopyLine } from "../ui/copy-line.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { BackfillTable } from "./backfill-table.tsx";

const LISTED = 200;

/** Lists the backfills of all jobs. */
export const BackfillsView = () => {
  const backfills = useQuery(backfillsQuery(null, LISTED));
  return (
    <Page title="Backfills" isWide lead="Runs for occurrences of the past">
      <Loaded query={backfills} what="the backfills">
        {({ backfills: found }) => (found.length === 0 ? <None /> : <BackfillTable backfills={found} />)}
      </Loaded>
    </Page>
  );
};

const None = () => (
  <Empty title="No backfill yet">
    <p>
      A backfill runs a job for each occurrence of its schedule in a range of days. Start one on the page of a{" "}
      <Link href="/jobs">job</Link> with a schedule, or on the command line:
    </p>
    <CopyLine text="petit backfill JOB --from 2026-11-01 --to 2026-11-20" />
  </Empty>
);
