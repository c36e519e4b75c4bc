import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { isRefused } from "../../client/error.ts";
import { petitNow } from "../data/petit-time.ts";
import { jobRunsQuery, runsQuery } from "../data/queries.ts";
import type { RunData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { withParam } from "../ui/choice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { RunTable } from "../ui/table/run-table.tsx";
import { timeText } from "../ui/text/format.ts";
import { createdAt, type RunListQuery, readFilter, runsQueryFor } from "./run-filter.ts";
import { RunFilters } from "./run-filters.tsx";
import { RunsByJob } from "./runs-by-job.tsx";
import { SelectionBar } from "./selection-bar.tsx";
import "./runs.css";

/** Shows the runs of all jobs, newest first. */
export const RunsView = () => {
  const [query, setQuery] = useSearchParams();
  const filter = readFilter(query);
  const runs = useRuns(filter);
  const set = (values: Readonly<Record<string, string>>): void =>
    setQuery((now) =>
      Object.entries({ ...values, before: "" }).reduce((next, [name, value]) => withParam(next, name, value), now),
    );
  return (
    <Page
      title="Runs"
      actions={
        <Link className="button" href="/search">
          Search the output
        </Link>
      }
    >
      <RunFilters filter={filter} query={query} onChange={set} />
      <Loaded query={runs} what="the runs">
        {(list) =>
          filter.isGrouped ? (
            <RunsByJob runs={list.runs} filter={filter} />
          ) : (
            <Runs {...list} filter={filter} query={query} onReset={() => setQuery({})} />
          )
        }
      </Loaded>
    </Page>
  );
};

/** Queries the runs. The previous ones stay visible until the new ones are loaded. */
const useRuns = (filter: RunListQuery) => {
  const isOfJob = filter.job !== "";
  const given = runsQueryFor(filter, petitNow());
  const ofAll = useQuery({ ...runsQuery(given), placeholderData: keepPreviousData, enabled: !isOfJob });
  const ofJob = useQuery({ ...jobRunsQuery(filter.job, given), placeholderData: keepPreviousData, enabled: isOfJob });
  const isRemoved = isOfJob && isRefused(ofJob.error, "NOT_FOUND");
  const ofRemoved = useQuery({ ...runsQuery({ ...given, job: filter.job }), enabled: isRemoved });
  if (!isOfJob) return ofAll;
  // A job that has no runs either never existed.
  return isRemoved && (ofRemoved.data?.count ?? 0) > 0 ? ofRemoved : ofJob;
};

type RunsProps = {
  readonly runs: readonly RunData[];
  readonly next: string | null;
  readonly filter: RunListQuery;
  readonly query: URLSearchParams;
  readonly onReset: () => void;
};

const Runs = ({ runs, next, filter, query, onReset }: RunsProps) => {
  const isNarrowed = query.size > 0;
  const isSearched = runs.length < runsQueryFor(filter, 0).limit && next !== null;
  const { selection, chosen, clear } = useSelection(runs);
  return (
    <>
      {runs.length > 0 && <RunTable label="Runs" runs={runs} selection={selection} />}
      {runs.length === 0 && !isNarrowed && (
        <Empty title="No runs yet">
          <p>
            A job runs on its schedule, or when you <Link href="/jobs">run it manually</Link>.
          </p>
        </Empty>
      )}
      {runs.length === 0 && isNarrowed && (
        <Empty title={isSearched ? "No matching runs yet" : "No matching runs"}>
          <Button onClick={onReset}>Show all runs</Button>
        </Empty>
      )}
      <nav className="row" aria-label="Pages">
        {filter.before !== "" && <PageLink text="Newest" query={withParam(query, "before", "")} />}
        {next !== null && (
          <PageLink text={isSearched ? "Search older runs" : "Older"} query={withParam(query, "before", next)} />
        )}
        {isSearched && <span className="muted">Searched back to {timeText(createdAt(next), petitNow())}.</span>}
      </nav>
      {chosen.length > 0 && <SelectionBar runs={chosen} onClear={clear} />}
    </>
  );
};

/** Returns which of the shown runs are selected. */
const useSelection = (shown: readonly RunData[]) => {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const onSelect = (ids: readonly string[], isSelected: boolean): void =>
    setSelected((before) => {
      const next = new Set(before);
      for (const id of ids) {
        if (isSelected) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  return {
    selection: { selected, onSelect },
    chosen: shown.filter(({ id }) => selected.has(id)),
    clear: () => setSelected(new Set<string>()),
  };
};

const PageLink = ({ text, query }: { readonly text: string; readonly query: URLSearchParams }) => (
  <Link className="button" href={`/runs${query.size === 0 ? "" : `?${query}`}`} onClick={() => scrollTo(0, 0)}>
    {text}
  </Link>
);
