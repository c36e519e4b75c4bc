import { Link } from "wouter";
import { CopyLine } from "./copy-line.tsx";
import { Empty } from "./states.tsx";

const EXAMPLE = `id: hello
schedule: "*/5 * * * *"
tasks:
  - id: greet
    type: shell
    script: echo "Hello from petit"`;

/** There are no jobs: how one is made. */
export const FirstSteps = () => (
  <Empty title="No jobs yet">
    <p>
      petit runs what the YAML files of its folder say. Save this there as <code>hello.yaml</code>: it shows up here at
      once.
    </p>
    <pre className="example">{EXAMPLE}</pre>
    <p>Or have a first one written, with comments:</p>
    <CopyLine text="petit init" />
    <p>
      <code>petit validate</code> says what is wrong with a file; so does <Link href="/system">System</Link>.
    </p>
  </Empty>
);
