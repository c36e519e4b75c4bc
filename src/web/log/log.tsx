import { type ReactNode, useCallback, useId, useRef, useState } from "react";
import type { TaskRunData } from "../data/shapes.ts";
import { useShortcut } from "../keyboard/shortcuts.ts";
import { Button } from "../ui/button.tsx";
import { Failure, Loading } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";
import "./log.css";
import type { LineMatch, LogFilter } from "../data/lines.ts";
import type { LogBook } from "./book/book.ts";
import { useLogBook } from "./book/use-book.ts";
import { causeIn, type LogCause } from "./cause.ts";
import { ErrorButtons } from "./errors/error-buttons.tsx";
import { lineLink, useLineLink } from "./line-link.ts";
import { LogBody, type ScrollTarget, type VisibleRows } from "./log-body.tsx";
import { LogFilters } from "./log-filters.tsx";
import { LogToolbar } from "./log-toolbar.tsx";
import { LogSearch } from "./search/log-search.tsx";
import { useLogSearch } from "./search/use-log-search.ts";
import { useMatchedLines } from "./search/use-matched-lines.ts";
import { useFullScreen } from "./use-full-screen.ts";
import { useLogDisplay } from "./use-log-display.ts";
import { useLogFilter } from "./use-log-filter.ts";

type LogProps = {
  readonly runId: string;
  /** Title of the page, which the log shows while it fills the window. */
  readonly title: string;
  readonly tasks: readonly TaskRunData[];
  /** Where the log of an ended run opens. */
  readonly from: "start" | "end";
  /** Id of the task whose lines are shown at first; null for all tasks. */
  readonly defaultTask: string | null;
  /** The lines that explain failures. They are marked, and the log of a run that has ended opens at the one of the task that it shows. */
  readonly causes: readonly LogCause[];
  /** Number of the line that the summary of the run is about. Null for none. */
  readonly summaryLine: number | null;
  /** Shown above the lines. */
  readonly note?: ReactNode;
};

/** Shows the log of a run of any length, and follows it while the run is running. */
export const Log = ({ runId, title, tasks, from, defaultTask, causes, summaryLine, note }: LogProps) => {
  const titleId = useId();
  const card = useRef<HTMLElement>(null);
  const { filter, change } = useLogFilter(defaultTask);
  const book = useLogBook({ runId, filter, from });
  const { isFull, toggle } = useFullScreen(card);
  return (
    <section
      ref={card}
      className={`card log-card${isFull ? " is-full" : ""}`}
      id="log"
      aria-labelledby={titleId}
      data-log={book?.state ?? "loading"}
    >
      <div className="log-head">
        <h2 id={titleId}>
          {isFull && <span className="log-title">{title}: </span>}
          Log
        </h2>
        {book !== null && <LogState book={book} />}
        <LogFilters runId={runId} tasks={tasks} filter={filter} onChange={change} />
        <Button kind="quiet" className="log-full" aria-pressed={isFull} title="Full screen (f)" onClick={toggle}>
          {isFull ? "Leave full screen" : "Full screen"}
        </Button>
      </div>
      {note}
      {book === null || book.state === "loading" ? (
        <Loading what="the log" />
      ) : book.failure === null ? (
        <Lines
          key={book.id}
          book={book}
          runId={runId}
          filter={filter}
          from={from}
          tasks={tasks}
          causes={causes}
          summaryLine={summaryLine}
          onLeave={isFull ? toggle : null}
        />
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

type LinesProps = Pick<LogProps, "runId" | "tasks" | "from" | "causes" | "summaryLine"> & {
  readonly book: LogBook;
  readonly filter: LogFilter;
  /** Leaves the full screen; null if the log does not fill it. */
  readonly onLeave: (() => void) | null;
};

const Lines = ({ book, runId, filter, from, tasks, causes, summaryLine, onLeave }: LinesProps) => {
  // An ended run opens at the line that explains its failure.
  const [openAt] = useState(() => (book.state === "ended" ? causeIn(causes, filter) : null));
  const [target, setTarget] = useState<ScrollTarget | null>(() => (openAt === null ? firstTarget(book, from) : null));
  const [isFollowing, setFollowing] = useState(() => book.state !== "ended" && lineLink() === null);
  const [isOnly, setOnly] = useState(false);
  const visible = useRef<VisibleRows>({ first: 0, last: -1 });
  const { display, toggleTimes, toggleWrap } = useLogDisplay();
  const jump = useCallback((position: number): void => {
    setFollowing(false);
    setTarget({ position, align: "center" });
  }, []);
  const jumpInBook = useCallback(
    (position: number): void => {
      setOnly(false);
      jump(position);
    },
    [jump],
  );
  const marked = useLineLink(book, { openAt, summaryLine, onPosition: jumpInBook });
  const search = useLogSearch({
    book,
    runId,
    filter,
    onMatch: ({ offset }, index) => jump(isOnly ? index : offset),
  });
  const { text, matches, current } = search;
  const isFiltered = isOnly && text !== "";
  const matched = useMatchedLines({ book, runId, filter, text, matches });
  const shown = isFiltered ? matched : book;
  const showOnly = (): void => {
    const match = matches[current ?? 0];
    setOnly(!isOnly);
    if (match !== undefined) jump(isOnly ? match.offset : (current ?? 0));
  };
  const clear = (): void => {
    const seen: LineMatch | undefined = isFiltered ? matches[current ?? 0] : undefined;
    search.search("");
    setOnly(false);
    if (seen !== undefined) jump(seen.offset);
  };
  useShortcut({
    key: "Escape",
    what: "Log: leave full screen, or end the search",
    run: onLeave ?? clear,
    isOn: text !== "" || onLeave !== null,
  });
  /** Returns the line that was gone to, if it can be seen, or else the first one that can. */
  const positionBefore = (step: 1 | -1): number => {
    if (isFiltered) return matches[current ?? 0]?.offset ?? 0;
    const { first, last } = visible.current;
    if (target?.align === "center" && target.position >= first && target.position <= last) return target.position;
    return step === 1 ? first - 1 : first;
  };
  return (
    <>
      <LogToolbar
        runId={runId}
        filter={filter}
        display={display}
        onTimes={toggleTimes}
        onWrap={toggleWrap}
        onStart={() => {
          setFollowing(false);
          setTarget({ position: 0, align: "start" });
        }}
        onEnd={() => {
          setFollowing(book.state !== "ended");
          setTarget({ position: shown.total - 1, align: "end" });
        }}
        errors={<ErrorButtons book={book} runId={runId} filter={filter} from={positionBefore} onFound={jumpInBook} />}
      >
        <LogSearch state={search} isOnly={isFiltered} onOnly={showOnly} onClear={clear} onLeave={onLeave} />
      </LogToolbar>
      <LogBody
        key={isFiltered ? "matches" : "all"}
        lines={shown}
        visible={visible}
        display={display}
        hasTasks={hasWriters(filter, tasks)}
        searchText={text}
        marked={marked}
        causes={causes}
        target={target}
        isFollowing={isFollowing}
        onFollowing={setFollowing}
        empty={isFiltered ? "No matching lines." : book.state === "ended" ? "No output." : "No output yet."}
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
