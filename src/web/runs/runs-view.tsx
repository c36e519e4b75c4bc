import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { jobRunsQuery, runsQuery } from "../data/queries.ts";
import type { RunData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { withParam } from "../ui/choice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { RunTable } from "../ui/table/run-table.tsx";
import { pageOf, type RunListQuery, readFilter, runsQueryFor } from "./run-filter.ts";
import { RunFilters } from "./run-filters.tsx";
import { RunsByJob } from "./runs-by-job.tsx";
import { SelectionBar } from "./selection-bar.tsx";
import "./runs.css";

/** Shows the runs of all jobs, newest first. */
export const RunsView = () => {
  const [query, setQuery] = useSearchParams();
  const filter = readFilter(query);
  const runs = useRuns(filter);
  const set = (name: string, value: string): void =>
    setQuery((now) => withParam(withParam(now, name, value), "before", ""));
  return (
    <Page title="Runs" actions={<RunFilters query={query} onChange={set} />}>
      <Loaded query={runs} what="the runs">
        {(list) =>
          filter.isGrouped ? (
            <RunsByJob runs={list.runs} filter={filter} />
          ) : (
            <Runs runs={list.runs} filter={filter} query={query} onReset={() => setQuery({})} />
          )
        }
      </Loaded>
    </Page>
  );
};

/** Queries the runs. The previous ones stay visible until the new ones are loaded. */
const useRuns = (filter: RunListQuery) => {
  const isOfJob = filter.job !== "";
  const ofAll = useQuery({ ...runsQuery(runsQueryFor(filter)), placeholderData: keepPreviousData, enabled: !isOfJob });
  const ofJob = useQuery({
    ...jobRunsQuery(filter.job, runsQueryFor(filter)),
    placeholderData: keepPreviousData,
    enabled: isOfJob,
  });
  return isOfJob ? ofJob : ofAll;
};

type RunsProps = {
  readonly runs: readonly RunData[];
  readonly filter: RunListQuery;
  readonly query: URLSearchParams;
  readonly onReset: () => void;
};

const Runs = ({ runs, filter, query, onReset }: RunsProps) => {
  const { shown, next, searched } = pageOf(runs, filter);
  const isNarrowed = query.size > 0;
  const { selection, chosen, clear } = useSelection(shown);
  return (
    <>
      {shown.length > 0 && <RunTable label="Runs" runs={shown} selection={selection} />}
      {shown.length === 0 && !isNarrowed && (
        <Empty title="No runs yet">
          <p>
            A job runs on its schedule, or when you <Link href="/jobs">run it manually</Link>.
          </p>
        </Empty>
      )}
      {shown.length === 0 && isNarrowed && (
        <Empty title="No matching runs">
          <Button onClick={onReset}>Show all runs</Button>
        </Empty>
      )}
      <nav className="row" aria-label="Pages">
        {filter.before !== "" && <PageLink text="Newest" query={withParam(query, "before", "")} />}
        {next !== null && <PageLink text="Older" query={withParam(query, "before", next)} />}
        {filter.trigger !== null && (
          <span className="muted">
            {shown.length.toLocaleString()} of {searched.toLocaleString()} runs searched
          </span>
        )}
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
