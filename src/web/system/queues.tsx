import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { queueRunsQuery } from "../data/queries.ts";
import { counted } from "../ui/text/format.ts";

type QueueRun = { readonly run_id: string; readonly job_id: string };

/** Shows the queues, what runs in each and what waits, in order; nothing if there are none. */
export const Queues = () => {
  const { data } = useQuery(queueRunsQuery());
  if (data === undefined || data.count === 0) return null;
  return (
    <section className="card" aria-labelledby="queues">
      <h2 id="queues">Queues</h2>
      {data.queues.map(({ name, limit, running, pending, holders = [], waiters = [] }) => (
        <section key={name} data-queue={name} aria-label={`Queue ${name}`}>
          <h3>{name}</h3>
          <p>
            {running.toLocaleString()} of {counted(limit, "slot")} taken
            {pending === 0 ? ", no run waits." : `, ${counted(pending, "run")} waiting.`}
          </p>
          <RunLinks title="Running" runs={holders} total={running} />
          <RunLinks title="Waiting, the next first" runs={waiters} total={pending} />
        </section>
      ))}
    </section>
  );
};

type RunLinksProps = { readonly title: string; readonly runs: readonly QueueRun[]; readonly total: number };

const RunLinks = ({ title, runs, total }: RunLinksProps) =>
  runs.length > 0 && (
    <>
      <p className="muted">{title}:</p>
      <ol>
        {runs.map(({ run_id, job_id }) => (
          <li key={run_id}>
            <Link href={`/runs/${run_id}`}>
              {job_id}, run <span className="mono">{run_id.slice(-8)}</span>
            </Link>
          </li>
        ))}
      </ol>
      {total > runs.length && <p className="muted">{(total - runs.length).toLocaleString()} more</p>}
    </>
  );
