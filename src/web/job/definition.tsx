import { useQuery } from "@tanstack/react-query";
import { Suspense, useEffect, useMemo, useRef } from "react";
import { Link } from "wouter";
import { isRefused } from "../../client/error.ts";
import { lazily } from "../data/lazily.tsx";
import { definitionQuery } from "../data/queries.ts";
import { useIsEditing } from "../data/selected.ts";
import type { DefinitionData as DefinitionText, JobDetail } from "../data/shapes.ts";
import { UnsavedChanges } from "../edit/unsaved-changes.tsx";
import { editPath } from "../ui/links.tsx";
import { Loaded } from "../ui/states.tsx";
import { Time } from "../ui/time/time.tsx";
import "./definition.css";
import { highlightYaml, type YamlToken } from "./highlight-yaml.ts";

/** Most people look at the definition of today. */
const { Component: Versions } = lazily(async () => (await import("./versions.tsx")).Versions);

type DefinitionProps = {
  readonly job: Pick<JobDetail, "id" | "version" | "changed_at">;
  /** Id of the selected task. */
  readonly selected: string | null;
};

/** Shows the text of the job in its file, with line numbers. */
export const Definition = ({ job, selected }: DefinitionProps) => {
  const definition = useQuery(definitionQuery(job.id));
  return (
    <section className="card definition-card" aria-labelledby="definition">
      <h2 id="definition">Definition</h2>
      {job.changed_at != null && (
        <p className="muted">
          Version {job.version}, since <Time at={job.changed_at} />
        </p>
      )}
      <Suspense>
        <Versions jobId={job.id} />
      </Suspense>
      {isRefused(definition.error, "NOT_FOUND") ? (
        <p className="muted">The definition is not available: petit has not read the job file since it was upgraded.</p>
      ) : (
        <Loaded query={definition} what="the definition">
          {(found) => <Text definition={found} selected={selected} />}
        </Loaded>
      )}
    </section>
  );
};

type TextProps = { readonly definition: DefinitionText; readonly selected: string | null };

const Text = ({ definition: { file, line, text }, selected }: TextProps) => {
  const lines = useMemo(() => highlightYaml(text), [text]);
  const selectedLine = selected === null ? -1 : lineOf(text, selected);
  const row = useRef<HTMLLIElement>(null);
  const isEditing = useIsEditing();
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when another line is selected.
  useEffect(() => row.current?.scrollIntoView({ block: "nearest" }), [selectedLine]);
  return (
    <>
      <p className="definition-file">
        <span className="mono">
          {file}:{line}
        </span>{" "}
        {isEditing && (
          <>
            <Link href={editPath(file)}>Edit</Link> <UnsavedChanges path={file} />
          </>
        )}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the text. */}
      <section className="definition" aria-label={`Text of ${file}`} tabIndex={0}>
        <ol style={{ counterReset: `line ${line - 1}` }}>
          {lines.map((tokens, index) => (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other key.
              key={index}
              ref={index === selectedLine ? row : null}
              className={index === selectedLine ? "is-selected" : ""}
              data-line={line + index}
            >
              <Line tokens={tokens} />
            </li>
          ))}
        </ol>
      </section>
    </>
  );
};

const Line = ({ tokens }: { readonly tokens: readonly YamlToken[] }) => (
  <code>
    {tokens.map(({ text, classes }, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: tokens of a line keep their order.
      <span key={index} className={classes}>
        {text}
      </span>
    ))}
  </code>
);

/** Returns the index of the line on which a task begins, or -1 if it is not found. */
const lineOf = (text: string, taskId: string): number => {
  const id = taskId.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const tasks = text.split("\n").findIndex((line) => /^\s*tasks\s*:/.test(line));
  return text
    .split("\n")
    .findIndex(
      (line, index) => index >= tasks && new RegExp(`\\bid["']?\\s*:\\s*["']?${id}["']?\\s*(?:[,}#]|$)`).test(line),
    );
};
