import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useSearchParams } from "wouter";
import { useTrigger } from "../data/actions.ts";
import { jobsQuery } from "../data/queries.ts";
import type { JobSummary } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { Status } from "../ui/status.tsx";
import { Table } from "../ui/table.tsx";
import { Countdown } from "../ui/time.tsx";

export const JobsView = () => {
  const jobs = useQuery(jobsQuery());
  const [search] = useSearchParams();
  const text = (search.get("q") ?? "").toLowerCase();
  return (
    <Page title="Jobs">
      <Loaded query={jobs} what="the jobs">
        {(list) => <JobTable jobs={list.jobs.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(text))} />}
      </Loaded>
    </Page>
  );
};

const JobTable = ({ jobs }: { readonly jobs: readonly JobSummary[] }) =>
  jobs.length === 0 ? (
    <Empty title="No job" />
  ) : (
    <Table
      label="Jobs"
      head={
        <tr>
          <th scope="col">Job</th>
          <th scope="col">Schedule</th>
          <th scope="col">Next</th>
          <th scope="col">Last run</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      }
    >
      {jobs.map((job) => (
        <JobRow key={job.id} job={job} />
      ))}
    </Table>
  );

const JobRow = ({ job }: { readonly job: JobSummary }) => {
  const [, navigate] = useLocation();
  const trigger = useTrigger();
  const run = (): void => trigger.mutate({ jobId: job.id }, { onSuccess: ({ run_id }) => navigate(`/runs/${run_id}`) });
  return (
    <tr>
      <td>
        <Link href={`/jobs/${job.id}`} data-row>
          {job.name}
        </Link>
      </td>
      <td className="mono">{job.schedule?.join(", ") ?? "–"}</td>
      <td>{job.next_run_at === null ? "–" : <Countdown at={job.next_run_at} zone={job.timezone} />}</td>
      <td>{job.last_run === null ? "–" : <Status of={job.last_run.status} />}</td>
      <td className="number">
        <Button isBusy={trigger.isPending} aria-label={`Run now: ${job.name}`} onClick={run}>
          Run now
        </Button>
      </td>
    </tr>
  );
};
