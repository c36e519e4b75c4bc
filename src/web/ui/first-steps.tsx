import { Link } from "wouter";
import { CopyLine } from "./copy-line.tsx";
import { Empty } from "./states.tsx";

const EXAMPLE = `id: hello
schedule: "*/5 * * * *"
tasks:
  - id: greet
    type: shell
    script: echo "Hello from petit"`;

/** Explains how to create the first job. */
export const FirstSteps = () => (
  <Empty title="No jobs yet">
    <p>
      petit reads jobs from the YAML files in its jobs directory. Save this there as <code>hello.yaml</code>; the job
      appears here immediately.
    </p>
    <pre className="example">{EXAMPLE}</pre>
    <p>Or create a commented example job:</p>
    <CopyLine text="petit init" />
    <p>
      <code>petit validate</code> and the <Link href="/system">System</Link> page report problems in job files.
    </p>
  </Empty>
);
