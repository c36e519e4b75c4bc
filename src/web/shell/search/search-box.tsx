import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { jobsQuery, runsQuery } from "../../data/queries.ts";
import { useMedia } from "../../ui/use-media.ts";
import { findJobs } from "./find-jobs.ts";
import { type SearchResult, SearchResults } from "./search-results.tsx";
import "./search.css";

/** Finds a job or a run from any view; `/` focuses it. On the list of jobs, it edits `?q=`, the filter of that view. */
export const SearchBox = () => {
  const [path] = useLocation();
  return <search className="shell-search">{path === "/jobs" ? <Filter /> : <Finder key={path} />}</search>;
};

const FIELD = {
  type: "search",
  "data-search": true,
  "aria-label": "Search jobs and runs",
  autoComplete: "off",
  spellCheck: false,
} as const;

/** A short text where the field has no room for a longer one. */
const usePlaceholder = (): string => (useMedia("(max-width: 1023.98px)") ? "Search" : "Search jobs and runs");

const Filter = () => {
  const [query, setQuery] = useSearchParams();
  return (
    <>
      <input
        {...FIELD}
        placeholder={usePlaceholder()}
        value={query.get("q") ?? ""}
        onChange={(event) => setQuery((now) => withText(now, event.target.value), { replace: true })}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      />
      <kbd className="search-key" aria-hidden>
        /
      </kbd>
    </>
  );
};

const Finder = () => {
  const [text, setText] = useState("");
  const [hasFocus, setFocus] = useState(false);
  const [at, setAt] = useState(0);
  const [, navigate] = useLocation();
  const field = useRef<HTMLInputElement>(null);
  const listId = useId();
  const found = useSearchResults(text, hasFocus);
  const isOpen = hasFocus && found.length > 0;
  const close = (): void => {
    setText("");
    field.current?.blur();
  };
  const open = ({ href }: SearchResult): void => {
    close();
    navigate(href);
  };
  return (
    <>
      <input
        {...FIELD}
        placeholder={usePlaceholder()}
        ref={field}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={isOpen ? `${listId}-${at}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onFocus={() => setFocus(true)}
        onBlur={() => setFocus(false)}
        onKeyDown={(event) => onKey(event, { found, at, setAt, open, close })}
      />
      <kbd className="search-key" aria-hidden>
        /
      </kbd>
      {isOpen && <SearchResults id={listId} results={found} at={at} onOpen={open} />}
    </>
  );
};

/** Returns the matching jobs, the runs with this id or its last eight characters, and a link to the list of all of them. */
const useSearchResults = (text: string, hasFocus: boolean): readonly SearchResult[] => {
  const { data } = useQuery({ ...jobsQuery(), enabled: hasFocus });
  const isId = /^[0-9a-f-]{8,36}$/i.test(text.trim());
  const found = useQuery({ ...runsQuery({ id: text.trim().toLowerCase(), limit: 3 }), enabled: hasFocus && isId });
  if (text.trim() === "") return [];
  const runs = isId ? (found.data?.runs ?? []).map((run) => ({ href: `/runs/${run.id}`, run })) : [];
  const jobs = findJobs(data?.jobs ?? [], text).map((job) => ({ href: `/jobs/${job.id}`, job }));
  return [...jobs, ...runs, { href: `/jobs?${withText(new URLSearchParams(), text.trim())}`, text: text.trim() }];
};

type KeyOptions = {
  readonly found: readonly SearchResult[];
  readonly at: number;
  readonly setAt: (at: number) => void;
  readonly open: (found: SearchResult) => void;
  readonly close: () => void;
};

const onKey = (event: KeyboardEvent, { found, at, setAt, open, close }: KeyOptions): void => {
  const chosen = found[at];
  if (event.key === "Escape") close();
  else if (event.key === "Enter" && chosen !== undefined) open(chosen);
  else if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
  else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
  else return;
  event.preventDefault();
};

const withText = (query: URLSearchParams, text: string): URLSearchParams => {
  const next = new URLSearchParams(query);
  if (text === "") next.delete("q");
  else next.set("q", text);
  return next;
};
