import { describe, expect, test } from "bun:test";
import { petit, tempFolder } from "../../../support/cli.ts";

/** Imports DAGs, by their names, and returns the jobs and the lines of the report that say what is left out. */
const imported = async (dags: Readonly<Record<string, string>>) => {
  using folder = tempFolder();
  for (const [name, text] of Object.entries(dags)) folder.write(`dags/${name}.yaml`, text);
  const { status, stdout, stderr } = await petit(["import", "dagu", "dags"], { cwd: folder.path });
  const leftOut = stderr.split("\n").flatMap((line) => / left out: (.*)$/.exec(line)?.[1] ?? []);
  return { status, stdout, leftOut };
};

const call = (dag: string): string => `steps:\n  - id: next\n    call: ${dag}\n`;

describe("DAGs that call each other", () => {
  test("become jobs of which the last one does not run the first one, and are named", async () => {
    const { status, stdout, leftOut } = await imported({ a: call("b"), b: call("c"), c: call("a"), d: call("a") });
    expect(status).toBe(0);
    expect(stdout.match(/^ +job: .*$/gm)).toEqual(["    job: b", "    job: c", "    job: a"]);
    expect(leftOut).toEqual([
      "call: a: petit has nothing like the DAG 'a' (it leads back to this one, which petit refuses); the task of the step fails until you write it",
    ]);
  });

  test("may call themselves", async () => {
    const { status, leftOut } = await imported({ a: call("a") });
    expect({ status, count: leftOut.length }).toEqual({ status: 0, count: 1 });
  });
});

describe("a value that a job can't have", () => {
  const cases: readonly (readonly [field: string, dag: string, leftOut: readonly string[]])[] = [
    [
      "the folder of a DAG whose steps run in containers",
      "working_dir: /app/project\ncontainer: alpine\nsteps:\n  - command: ls\n",
      ["working_dir: /app/project: no task of this job has a folder of the machine"],
    ],
    [
      "an exit code above 255",
      "steps:\n  - command: ls\n    continue_on: {exit_code: [0, 2, 503]}\n",
      ["exit_code: …: an exit code is a whole number from 1 to 255"],
    ],
    [
      "the key of an output",
      "steps:\n  - command: ls\n    output: {name: FILES, key: files}\n",
      ["key: files: an output of petit has the name of its variable"],
    ],
    [
      "an answer as JSON",
      "steps:\n  - type: http\n    command: GET https://example.com/\n    config: {json: true}\n",
      ["json: true: petit prints the body of the answer, without its status and headers"],
    ],
    [
      "a mail without an address",
      "mail_on: {failure: true}\nsmtp: {host: mail.example.com, port: 587}\nerror_mail: {to: ops@example.com}\nsteps:\n  - ls\n",
      [
        "failure: true: its mail needs smtp, from and to in this file; `notify` of petit's configuration file can send it",
        "host: mail.example.com: no mail of this file can be sent",
        "port: 587: no mail of this file can be sent",
        "to: ops@example.com: no mail of this file can be sent",
      ],
    ],
  ];
  test.each(cases)("is named: %s", async (_, dag, leftOut) => {
    const result = await imported({ dag });
    expect({ status: result.status, leftOut: result.leftOut }).toEqual({ status: 0, leftOut: [...leftOut] });
  });

  test("is no container if it is blank", async () => {
    const { status, stdout } = await imported({ dag: 'container: "  "\nsteps:\n  - command: ls\n' });
    expect({ status, hasContainer: stdout.includes("container:") }).toEqual({ status: 0, hasContainer: false });
  });
});
