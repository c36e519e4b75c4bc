import { useQuery } from "@tanstack/react-query";
import { jobQuery, jobRunsQuery } from "../data/queries.ts";
import { Page } from "../ui/page.tsx";
import { RunTable } from "../ui/run-table.tsx";
import { Loaded } from "../ui/states.tsx";

export const JobView = ({ jobId }: { readonly jobId: string }) => {
  const job = useQuery(jobQuery(jobId));
  const runs = useQuery(jobRunsQuery(jobId, { limit: 30 }));
  return (
    <Page title={job.data?.name ?? jobId} lead={job.data?.description}>
      <Loaded query={job} what="the job">
        {() => (
          <Loaded query={runs} what="its runs">
            {(list) => <RunTable label={`Runs of ${jobId}`} runs={list.runs} hasJob={false} />}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
};
