import { Link } from "wouter";

type RunLinkProps = {
  readonly id: string;
  /** Selects a task of the run. */
  readonly task?: string;
};

/** A link to a run, with its short id. */
export const RunLink = ({ id, task }: RunLinkProps) => (
  <Link
    href={`/runs/${id}${task === undefined ? "" : `?task=${encodeURIComponent(task)}`}`}
    className="mono"
    data-run-link={id}
  >
    {id.slice(-8)}
  </Link>
);
