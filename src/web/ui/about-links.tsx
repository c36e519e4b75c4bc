import { Link } from "wouter";

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
