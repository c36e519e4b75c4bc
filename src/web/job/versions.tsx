import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { causeText, noTextDiffText, sameText, shortDigest } from "../../domain/words/versions/version.ts";
import { pluralize } from "../../lib/text.ts";
import { versionQuery, versionsQuery } from "../data/queries.ts";
import type { VersionComparison, VersionData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { ChangedFields } from "../ui/changed-fields.tsx";
import { Diff } from "../ui/diff.tsx";
import { RunLink } from "../ui/links.tsx";
import { Loaded } from "../ui/states.tsx";
import { capital } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";
import "./versions.css";

/** Number of versions that are listed at first, and at most. */
const FIRST = 10;
const ALL = 1_000;

/** Number of uses of a version that are shown. */
const SHOWN_USES = 3;

/**
 * Lists the versions of a definition: when each was in use, and for which runs. One that is chosen is compared with the version before it, two
 * with each other. The address has the choice: `?versions=2,5`.
 */
export const Versions = ({ jobId }: { readonly jobId: string }) => {
  const [limit, setLimit] = useState(FIRST);
  const { data } = useQuery(versionsQuery(jobId, limit));
  const { chosen, toggle } = useChosen();
  if (data === undefined || data.count === 0) return null;
  return (
    <section className="versions" aria-labelledby="versions">
      <h3 id="versions">Versions</h3>
      <p className="muted">Choose one to see what it changed, or two to compare them.</p>
      <ul>
        {data.versions.map((version) => (
          <Version
            key={version.version}
            version={version}
            isChosen={chosen.includes(version.version)}
            onToggle={() => toggle(version.version)}
          />
        ))}
      </ul>
      {data.count === limit && limit < ALL && (
        <Button kind="quiet" onClick={() => setLimit(ALL)}>
          Show older versions
        </Button>
      )}
      {chosen.length > 0 && <Comparison key={chosen.join()} jobId={jobId} chosen={chosen} />}
    </section>
  );
};

/** The numbers of the versions that are chosen, the lowest first. A third choice takes the place of the first. */
const useChosen = () => {
  const [query, setQuery] = useSearchParams();
  const inOrder = (query.get("versions") ?? "").split(",").map(Number);
  const chosen = inOrder.filter((each) => Number.isSafeInteger(each) && each > 0).slice(-2);
  const toggle = (version: number): void => {
    const next = chosen.includes(version) ? chosen.filter((each) => each !== version) : [...chosen, version].slice(-2);
    setQuery(
      (before) => {
        if (next.length === 0) before.delete("versions");
        else before.set("versions", next.join(","));
        return before;
      },
      { replace: true },
    );
  };
  return { chosen: chosen.toSorted((a, b) => a - b), toggle };
};

type VersionProps = { readonly version: VersionData; readonly isChosen: boolean; readonly onToggle: () => void };

const Version = ({
  version: { version, digest, current, uses, use_count, runs },
  isChosen,
  onToggle,
}: VersionProps) => (
  <li data-version={version}>
    <label>
      <input type="checkbox" checked={isChosen} onChange={onToggle} /> Version {version}
    </label>{" "}
    <code title={digest}>{shortDigest(digest)}</code> {current && <span className="tag">current</span>}
    {uses.slice(0, SHOWN_USES).map((use) => (
      <Use key={`${use.since} ${use.until}`} use={use} />
    ))}
    {use_count > SHOWN_USES && <p className="muted">and {pluralize(use_count - SHOWN_USES, "earlier time")}</p>}
    <Runs runs={runs} />
  </li>
);

const Use = ({ use }: { readonly use: VersionData["uses"][number] }) => {
  const { since, until, file, file_modified_at, commit } = use;
  const cause = causeText(use);
  return (
    <p className="muted">
      {until === null ? "Since " : "From "}
      <Time at={since} />
      {until !== null && (
        <>
          {" "}
          to <Time at={until} />
        </>
      )}
      {cause !== null && `, ${cause}`}
      {commit !== null && (
        <>
          , commit <code title={commit.id}>{commit.id.slice(0, 12)}</code>
          {commit.author !== null && ` by ${commit.author}`}
        </>
      )}
      {commit === null && file !== null && (
        <>
          , <span className="mono">{file}</span>
          {file_modified_at !== null && (
            <>
              {" "}
              modified <Time at={file_modified_at} />
            </>
          )}
        </>
      )}
    </p>
  );
};

const Runs = ({ runs: { count, first, last } }: Pick<VersionData, "runs">) => {
  if (first === null || last === null) return <p className="muted">No stored run used it</p>;
  return (
    <p className="muted">
      {pluralize(count, "run")}: {first.id !== last.id && <RunLink id={first.id} />}
      {first.id !== last.id && (count > 2 ? " to " : " and ")}
      <RunLink id={last.id} />
    </p>
  );
};

type ComparisonProps = { readonly jobId: string; readonly chosen: readonly number[] };

const Comparison = ({ jobId, chosen }: ComparisonProps) => {
  const [first = 0, second = null] = chosen;
  const query = useQuery(versionQuery(jobId, second ?? first, second === null ? null : first));
  return (
    <section className="comparison" aria-labelledby="comparison">
      <Loaded query={query} what="the comparison">
        {(found) => (
          <>
            <h4 id="comparison">
              {found.before === null
                ? `Version ${found.version}`
                : `From version ${found.before} to version ${found.version}`}
            </h4>
            <Changes comparison={found} />
            {found.text !== null && (
              <details>
                <summary>Text of version {found.version}</summary>
                <Diff
                  lines={found.text.split("\n").map((line) => ` ${line}`)}
                  label={`Text of version ${found.version}`}
                />
              </details>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
};

const Changes = ({ comparison }: { readonly comparison: VersionComparison }) => {
  const { changes, diff, before, move } = comparison;
  const notes = [sameText(comparison), noTextDiffText(comparison)].filter((each) => each !== null);
  return (
    <>
      {move !== null && <p data-move={move.kind}>{capital(move.message)}.</p>}
      {changes.length > 0 && <ChangedFields changes={changes} />}
      {notes.map((note) => (
        <p key={note} className="muted">
          {note}
        </p>
      ))}
      {diff !== null && changes.length > 0 && <h5>Text</h5>}
      {diff !== null && <Diff lines={diff} label={`Changes of the text since version ${before}`} />}
    </>
  );
};
