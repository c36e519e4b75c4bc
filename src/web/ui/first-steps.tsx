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
    <p>
      <code>petit init</code> writes a first job with comments; <code>petit validate</code> says what is wrong with a
      file.
    </p>
  </Empty>
);
