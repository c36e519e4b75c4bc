import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { jobsDiffQuery } from "../data/queries.ts";
import type { JobsDiffData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { Button } from "../ui/button.tsx";
import { failureText, Loading } from "../ui/states.tsx";
import { CommitChanges } from "./commit-changes.tsx";

type Props = {
  /** A commit, a branch or a tag; null for the commit that is refused, or else the newest one. */
  readonly compared: string | null;
  readonly onCompare: (ref: string | null) => void;
  /** Called with the commit that the user wants to use. */
  readonly onUse: (commit: string) => void;
};

/** Shows what a commit would change of the jobs that run, and asks for another one. */
export const CommitComparison = ({ compared, onCompare, onUse }: Props) => {
  const { data, error, isFetching, refetch } = useQuery(jobsDiffQuery(compared));
  const [ref, setRef] = useState(compared ?? "");
  const title = useRef<HTMLHeadingElement>(null);
  const ids = { title: useId(), field: useId(), problem: useId() };
  // Another button may have named it.
  useEffect(() => setRef(compared ?? ""), [compared]);
  useEffect(() => title.current?.focus(), []);
  const wanted = ref.trim() === "" ? null : ref.trim();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wanted === compared) void refetch();
    else onCompare(wanted);
  };
  return (
    <section className="commit-comparison" aria-labelledby={ids.title}>
      <h3 id={ids.title} ref={title} tabIndex={-1}>
        What a commit would change
      </h3>
      <form className="field" noValidate onSubmit={submit}>
        <label htmlFor={ids.field}>Commit, branch or tag</label>
        <div className="row">
          <input
            id={ids.field}
            className="mono"
            value={ref}
            maxLength={200}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            aria-invalid={error !== null || undefined}
            aria-describedby={ids.problem}
            onChange={({ target }) => setRef(target.value)}
          />
          {/* The comparison is also refreshed after each change of the jobs, and that must not keep anybody from another one. */}
          <Button isOnce type="submit" isBusy={isFetching && wanted === compared}>
            Compare
          </Button>
        </div>
        <small
          id={ids.problem}
          className={error === null ? undefined : "wrong"}
          role={error === null ? undefined : "alert"}
        >
          {error === null ? "Empty: the commit that is refused, or else the newest one" : failureText(error)}
        </small>
      </form>
      {error === null && <Result diff={data} onUse={onUse} />}
    </section>
  );
};

type ResultProps = Pick<Props, "onUse"> & { readonly diff: JobsDiffData | undefined };

const Result = ({ diff, onUse }: ResultProps) => {
  if (diff === undefined) return <Loading what="the comparison" />;
  const { commit, in_use: inUse, problems } = diff;
  return (
    <>
      <CommitChanges diff={diff} />
      {problems.length === 0 && commit.id !== inUse?.id && (
        <ActionButton needs="admin" isOnce kind="primary" onClick={() => onUse(commit.id)}>
          Use this commit…
        </ActionButton>
      )}
    </>
  );
};
