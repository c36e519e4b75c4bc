import { type ReactNode, useCallback, useId, useState } from "react";
import type { TaskRunData } from "../data/shapes.ts";
import { Failure, Loading } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";
import "./log.css";
import type { LogFilter } from "../data/lines.ts";
import type { LogBook } from "./book/book.ts";
import { useLogBook } from "./book/use-book.ts";
import { lineLink, useLineLink } from "./line-link.ts";
import { LogBody, type ScrollTarget } from "./log-body.tsx";
import { LogFilters } from "./log-filters.tsx";
import { LogSearch } from "./log-search.tsx";
import { LogToolbar } from "./log-toolbar.tsx";
import { useLogDisplay } from "./use-log-display.ts";
import { useLogFilter } from "./use-log-filter.ts";

type LogProps = {
  readonly runId: string;
  readonly tasks: readonly TaskRunData[];
  /** Where the log of an ended run opens. */
  readonly from: "start" | "end";
  /** Id of the task whose lines are shown at first; null for all tasks. */
  readonly defaultTask: string | null;
  /** Shown above the lines. */
  readonly note?: ReactNode;
};

/** Shows the log of a run of any length, and follows it while the run is running. */
export const Log = ({ runId, tasks, from, defaultTask, note }: LogProps) => {
  const titleId = useId();
  const { filter, change } = useLogFilter(defaultTask);
  const book = useLogBook({ runId, filter, from });
  return (
    <section className="card log-card" id="log" aria-labelledby={titleId} data-log={book?.state ?? "loading"}>
      <div className="log-head">
        <h2 id={titleId}>Log</h2>
        {book !== null && <LogState book={book} />}
        <LogFilters runId={runId} tasks={tasks} filter={filter} onChange={change} />
      </div>
      {note}
      {book === null || book.state === "loading" ? (
        <Loading what="the log" />
      ) : book.failure === null ? (
        <Lines key={book.id} book={book} runId={runId} filter={filter} from={from} tasks={tasks} />
      ) : (
        <Failure title="Could not load the log" error={book.failure} onRetry={() => location.reload()} />
      )}
    </section>
  );
};

const LogState = ({ book: { state, total } }: { readonly book: LogBook }) => (
  <span className="muted log-count">
    {state === "loading" ? "" : counted(total, "line")}
    {state === "live" && ", live"}
    {state === "away" && ", disconnected"}
  </span>
);

type LinesProps = Omit<LogProps, "defaultTask" | "note"> & { readonly book: LogBook; readonly filter: LogFilter };

const Lines = ({ book, runId, filter, from, tasks }: LinesProps) => {
  const [target, setTarget] = useState<ScrollTarget | null>(() => firstTarget(book, from));
  const [isFollowing, setFollowing] = useState(() => book.state !== "ended" && lineLink() === null);
  const [searchText, setSearchText] = useState("");
  const { display, toggle } = useLogDisplay();
  const jump = useCallback((position: number): void => {
    setFollowing(false);
    setTarget({ position, align: "center" });
  }, []);
  const marked = useLineLink(book, jump);
  return (
    <>
      <LogToolbar
        runId={runId}
        filter={filter}
        display={display}
        onToggle={toggle}
        onStart={() => {
          setFollowing(false);
          setTarget({ position: 0, align: "start" });
        }}
        onEnd={() => {
          setFollowing(book.state !== "ended");
          setTarget({ position: book.total - 1, align: "end" });
        }}
      >
        <LogSearch book={book} runId={runId} filter={filter} onText={setSearchText} onMatch={jump} />
      </LogToolbar>
      <LogBody
        book={book}
        display={display}
        hasTasks={hasWriters(filter, tasks)}
        searchText={searchText}
        marked={marked}
        target={target}
        isFollowing={isFollowing}
        onFollowing={setFollowing}
      />
    </>
  );
};

/** Returns whether lines of several tasks or items are shown, so that each line names its writer. */
const hasWriters = ({ task, item }: LogFilter, tasks: readonly TaskRunData[]): boolean => {
  if (task === undefined) return tasks.length > 1 || tasks.some(({ items }) => items !== null);
  return item === undefined && tasks.some(({ task_id, items }) => task_id === task && items !== null);
};

const firstTarget = ({ state, total }: LogBook, from: "start" | "end"): ScrollTarget | null =>
  state === "ended" && from === "end" && lineLink() === null ? { position: total - 1, align: "end" } : null;
