import { shownStatusOf, statusWords } from "../../../domain/words/waiting-for.ts";
import type { JobSummary, RunData } from "../../data/shapes.ts";
import { RunStatusText, StatusIcon } from "../../ui/status/status.tsx";

/** A job, a run, or a link to the list of all jobs with a text. */
export type SearchResult =
  | { readonly href: string; readonly job: JobSummary }
  | { readonly href: string; readonly run: RunData }
  | { readonly href: string; readonly text: string };

type SearchResultsProps = {
  readonly id: string;
  readonly results: readonly SearchResult[];
  /** Index of the result that Enter opens. */
  readonly at: number;
  readonly onOpen: (found: SearchResult) => void;
};

/** The results below the search box. */
export const SearchResults = ({ id, results, at, onOpen }: SearchResultsProps) => (
  <div id={id} role="listbox" aria-label="Jobs and runs" className="found">
    {results.map((each, index) => (
      // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, as in every combobox.
      // biome-ignore lint/a11y/useKeyWithClickEvents: see above.
      <div
        key={each.href}
        id={`${id}-${index}`}
        role="option"
        aria-selected={index === at}
        // Keeps the focus in the field until the click.
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => onOpen(each)}
      >
        <Result result={each} />
      </div>
    ))}
  </div>
);

const Result = ({ result }: { readonly result: SearchResult }) => {
  if ("job" in result) return <JobResult job={result.job} />;
  if ("text" in result) return <span>All jobs with “{result.text}”</span>;
  return (
    <>
      <RunStatusText run={result.run} />
      <span className="found-name">{result.run.job_id}</span>
      <span className="mono muted">{result.run.id.slice(-8)}</span>
    </>
  );
};

const JobResult = ({ job: { id, name, last_run } }: { readonly job: JobSummary }) => (
  <>
    {last_run === null ? (
      <span className="status-icon" />
    ) : (
      <StatusIcon of={shownStatusOf(last_run)} label={statusWords(last_run)} />
    )}
    <span className="found-name">{name}</span>
    {name !== id && <span className="mono muted">{id}</span>}
  </>
);
