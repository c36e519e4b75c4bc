import type { JobSummary } from "../data/shapes.ts";
import { StatusIcon } from "../ui/status.tsx";

/** A job, or the list of all jobs with a text. */
export type Found =
  | { readonly href: string; readonly job: JobSummary }
  | { readonly href: string; readonly text: string };

type FoundListProps = {
  readonly id: string;
  readonly found: readonly Found[];
  /** Which of them Enter opens. */
  readonly at: number;
  readonly onOpen: (found: Found) => void;
};

/** What the search box has found, below it. */
export const FoundList = ({ id, found, at, onOpen }: FoundListProps) => (
  <div id={id} role="listbox" aria-label="Jobs" className="found">
    {found.map((each, index) => (
      // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, as of every combobox.
      // biome-ignore lint/a11y/useKeyWithClickEvents: see above.
      <div
        key={each.href}
        id={`${id}-${index}`}
        role="option"
        aria-selected={index === at}
        // The field would lose the focus before the click.
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => onOpen(each)}
      >
        {"job" in each ? <FoundJob job={each.job} /> : <span>All jobs with “{each.text}”</span>}
      </div>
    ))}
  </div>
);

const FoundJob = ({ job: { id, name, last_run } }: { readonly job: JobSummary }) => (
  <>
    {last_run === null ? <span className="status-icon" /> : <StatusIcon of={last_run.status} label={last_run.status} />}
    <span className="found-name">{name}</span>
    {name !== id && <span className="mono muted">{id}</span>}
  </>
);
