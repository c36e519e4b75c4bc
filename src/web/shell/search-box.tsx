import { useLocation, useSearchParams } from "wouter";

/** Searches jobs from anywhere; `/` leads to it. On the list of jobs it is `?q=`, which that view filters by. */
export const SearchBox = () => {
  const [path, navigate] = useLocation();
  const [query, setQuery] = useSearchParams();
  const isList = path === "/jobs";
  const search = (text: string): void => {
    if (!isList) return;
    setQuery((now) => withText(now, text), { replace: true });
  };
  return (
    <search className="shell-search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const text = String(new FormData(event.currentTarget).get("q") ?? "");
          if (!isList) navigate(`/jobs?${withText(new URLSearchParams(), text)}`);
        }}
      >
        <input
          key={path}
          name="q"
          type="search"
          data-search
          aria-label="Search jobs"
          placeholder="Search jobs   /"
          autoComplete="off"
          spellCheck={false}
          defaultValue={isList ? (query.get("q") ?? "") : ""}
          onChange={(event) => search(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
      </form>
    </search>
  );
};

const withText = (query: URLSearchParams, text: string): URLSearchParams => {
  const next = new URLSearchParams(query);
  if (text === "") next.delete("q");
  else next.set("q", text);
  return next;
};
