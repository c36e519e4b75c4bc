import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { systemQuery } from "../data/queries.ts";
import { useIsEditing } from "../data/selected.ts";
import type { SystemData } from "../data/shapes.ts";
import { CopyLine } from "./copy-line.tsx";
import { Empty } from "./states.tsx";

const EXAMPLE = `id: hello
schedule: "*/5 * * * *"
tasks:
  - id: greet
    type: shell
    script: echo "Hello from petit"`;

/** Explains how to create the first job. */
export const FirstSteps = () => {
  const system = useQuery(systemQuery()).data;
  return system === undefined ? null : <Steps system={system} />;
};

const Steps = ({ system: { job_repository: repository } }: { readonly system: SystemData }) => {
  const isEditing = useIsEditing();
  return (
    <Empty title="No jobs yet">
      {isEditing && (
        <Link href="/edit/new" className="button button-primary">
          New job
        </Link>
      )}
      {repository == null ? (
        <p>
          petit reads jobs from the YAML files in its jobs directory. Save this there as <code>hello.yaml</code>; the
          job appears here immediately.
        </p>
      ) : (
        <p>
          petit reads jobs from <Link href="/system#job-files">a repository</Link>. Push this as <code>hello.yaml</code>
          .
        </p>
      )}
      <pre className="example">{EXAMPLE}</pre>
      {repository == null && (
        <>
          <p>Or create a commented example job:</p>
          <CopyLine text="petit init" />
        </>
      )}
      <p>
        <code>petit validate</code> and the <Link href="/system">System</Link> page report problems in job files.
      </p>
    </Empty>
  );
};
