import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { versionQuery, versionsQuery } from "../data/queries.ts";
import type { VersionData } from "../data/shapes.ts";
import { Diff } from "../ui/diff.tsx";
import { Loaded } from "../ui/states.tsx";
import { Time } from "../ui/time/time.tsx";

/** Lists the versions of a definition, each with what it changed and its text. Nothing if there is only one. */
export const Versions = ({ jobId }: { readonly jobId: string }) => {
  const { data } = useQuery(versionsQuery(jobId));
  if (data === undefined || data.count < 2) return null;
  return (
    <section className="versions" aria-labelledby="versions">
      <h3 id="versions">Versions</h3>
      <ul>
        {data.versions.map((version) => (
          <Version key={version.version} jobId={jobId} version={version} />
        ))}
      </ul>
      <p className="muted">Earlier versions are kept as long as runs that used them.</p>
    </section>
  );
};

type VersionProps = { readonly jobId: string; readonly version: VersionData };

const Version = ({ jobId, version: { version, changed_at, current } }: VersionProps) => {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          Version {version}, <Time at={changed_at} isFocusable={false} />{" "}
          {current && <span className="tag">current</span>}
        </summary>
        {isOpen && <Changes jobId={jobId} version={version} />}
      </details>
    </li>
  );
};

const Changes = ({ jobId, version }: { readonly jobId: string; readonly version: number }) => (
  <Loaded query={useQuery(versionQuery(jobId, version))} what="the version">
    {({ text, before, changed, diff }) => (
      <>
        {before === null ? (
          <p className="muted">The first version that is stored.</p>
        ) : diff === null ? (
          <p className="muted">
            {changed ? "Too much differs from" : "Nothing but its place in the file differs from"} version {before}.
          </p>
        ) : (
          <>
            <p className="muted">
              Changed since version {before}
              {!changed && ", comments and form only"}:
            </p>
            <Diff lines={diff} label={`Changes since version ${before}`} />
          </>
        )}
        {text !== null && (
          <details>
            <summary>Text of version {version}</summary>
            <Diff lines={text.split("\n").map((line) => ` ${line}`)} label={`Text of version ${version}`} />
          </details>
        )}
      </>
    )}
  </Loaded>
);
