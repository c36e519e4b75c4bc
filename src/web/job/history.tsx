import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { jobRunsQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/states.tsx";
import { RunTable } from "../ui/table/run-table.tsx";
import { Trend } from "./trend.tsx";

/** Number of runs that are drawn, and of those that are listed at first. */
const DRAWN = 90;
const LISTED = 10;

/** The newest runs of a job, which several parts of its page show. */
export const historyQuery = (jobId: string) => ({
  ...jobRunsQuery(jobId, { limit: DRAWN, failure: true, usage: true }),
  placeholderData: keepPreviousData,
});

/** Shows the newest runs of a job. */
export const History = ({ jobId }: { readonly jobId: string }) => {
  const [isWhole, setWhole] = useState(false);
  const runs = useQuery(historyQuery(jobId));
  return (
    <section className="card job-history" aria-labelledby="history">
      <h2 id="history">History</h2>
      <Loaded query={runs} what="the runs">
        {(list) =>
          list.count === 0 ? (
            <p className="muted">This job has not run yet.</p>
          ) : (
            <>
              <Trend runs={list.runs} />
              <RunTable
                label={`Runs of ${jobId}`}
                runs={isWhole ? list.runs : list.runs.slice(0, LISTED)}
                hasJob={false}
              />
              {!isWhole && list.count > LISTED && (
                <Button onClick={() => setWhole(true)}>Show {list.count - LISTED} more</Button>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
};
