import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "wouter";
import { petitNow } from "../data/petit-time.ts";
import { jobsQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
import { Choice, SinceChoice, withParam } from "../ui/choice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Loaded } from "../ui/states.tsx";
import { timeText } from "../ui/text/format.ts";
import { TextField } from "../ui/text-field.tsx";
import { FoundLines } from "./found-lines.tsx";
import { type FoundRows, outputQuery, outputQueryFor } from "./search-data.ts";
import "./search.css";

/** Searches the output of all ended runs. */
export const SearchView = () => {
  const [params, setParams] = useSearchParams();
  const query = outputQueryFor(params, petitNow());
  const set = (values: Readonly<Record<string, string>>): void =>
    setParams((now) =>
      Object.entries({ ...values, before: "" }).reduce((next, [name, value]) => withParam(next, name, value), now),
    );
  return (
    <Page title="Search" isWide lead="The output of runs that have ended, the newest run first">
      <Filters params={params} onChange={set} />
      {query === null ? (
        <Empty title={params.has("q") ? "The text is too short" : "What are you looking for?"}>
          <p>Type 3 characters or more that a line of output contains. Upper and lower case are equal.</p>
        </Empty>
      ) : (
        <Found query={query} params={params} />
      )}
    </Page>
  );
};

type FoundProps = {
  readonly query: NonNullable<ReturnType<typeof outputQueryFor>>;
  readonly params: URLSearchParams;
};

const Found = ({ query, params }: FoundProps) => {
  const found = useQuery({ ...outputQuery(query), retry: false });
  return (
    <Loaded query={found} what="the lines">
      {(page) => (
        <>
          {page.lines.length > 0 && <FoundLines lines={page.lines} />}
          {page.lines.length === 0 && <Empty title={page.next === null ? "No line contains this" : "No line so far"} />}
          <Reach page={page} />
          <nav className="row" aria-label="Pages">
            {params.has("before") && <PageLink text="Newest" params={withParam(params, "before", "")} />}
            {page.next !== null && (
              <PageLink
                text={page.lines.length < query.limit ? "Search older runs" : "Older"}
                params={withParam(params, "before", page.next)}
              />
            )}
            {!params.has("before") && (
              <Button isBusy={found.isFetching} onClick={() => void found.refetch()}>
                Search again
              </Button>
            )}
          </nav>
        </>
      )}
    </Loaded>
  );
};

/** Says what was not searched. */
const Reach = ({ page: { index } }: { readonly page: FoundRows }) => {
  if (index.full && index.reaches_to !== null)
    return (
      <p className="muted">
        Runs from before {timeText(index.reaches_to, petitNow())} do not fit into the index (search_limit).
      </p>
    );
  if (index.fault !== null)
    return <p className="muted">petit can't write the index, so a search takes longer. Now says why.</p>;
  return index.building ? <p className="muted">petit is still building the index, so a search takes longer.</p> : null;
};

type FiltersProps = {
  readonly params: URLSearchParams;
  readonly onChange: (values: Readonly<Record<string, string>>) => void;
};

const Filters = ({ params, onChange }: FiltersProps) => {
  const { data } = useQuery(jobsQuery());
  const field = (name: string) => ({
    value: params.get(name) ?? "",
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <search className="choices search-filters" aria-label="Search of the output">
      <TextField label="Text" placeholder="connection refused" isSearch {...field("q")} />
      <Choice label="As" options={KINDS} {...field("regex")} />
      <TextField label="Job" placeholder="any" options={data?.jobs.map(({ id }) => id) ?? []} {...field("job")} />
      <TextField label="Tag" placeholder="any" {...field("tag")} />
      <Choice label="Stream" options={STREAMS} {...field("stream")} />
      <SinceChoice {...field("since")} />
    </search>
  );
};

const KINDS = { "": "text", yes: "regular expression" };
const STREAMS = { "": "both", stdout: "stdout", stderr: "stderr" };
const PageLink = ({ text, params }: { readonly text: string; readonly params: URLSearchParams }) => (
  <Link className="button" href={`/search${params.size === 0 ? "" : `?${params}`}`} onClick={() => scrollTo(0, 0)}>
    {text}
  </Link>
);
