import { Link } from "wouter";
import { runPath } from "../../domain/words/run-path.ts";

type RunLinkProps = {
  readonly id: string;
  /** Selects a task of the run. */
  readonly task?: string;
};

/** A link to a run, with its short id. */
export const RunLink = ({ id, task }: RunLinkProps) => (
  <Link href={runPath(id, { taskId: task ?? null })} className="mono" data-run-link={id}>
    {id.slice(-8)}
  </Link>
);

/** The tags of a job. Each links to the jobs that have it. */
export const Tags = ({ tags }: { readonly tags: readonly string[] }) =>
  tags.map((tag) => (
    <Link key={tag} className="tag" href={`/jobs?tag=${encodeURIComponent(tag)}`} title={`Jobs with the tag ${tag}`}>
      {tag}
    </Link>
  ));

/** The links of a job. They lead away from petit, so they open another tab. */
export const WebLinks = ({ links }: { readonly links: Readonly<Record<string, string>> }) => (
  <span className="row web-links">
    {Object.entries(links).map(([name, url]) => (
      <a key={name} href={url} target="_blank" rel="noreferrer" title={url}>
        {name}
      </a>
    ))}
  </span>
);

/** The address of the editor of a job file. */
export const editPath = (path: string): string => `/edit/${path.split("/").map(encodeURIComponent).join("/")}`;
