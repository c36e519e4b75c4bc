import { beforeAll, describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { loadPatterns } from "../../../src/domain/params/pattern.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { jsonSchema } from "../../../src/jobfile/schema/json-schema.ts";
import { fitsSchema } from "../../support/fits-schema.ts";

beforeAll(loadPatterns);

const ROOT = join(import.meta.dirname, "../../..");
const schema = jsonSchema();
const fits = (job: unknown): boolean => fitsSchema(job, schema);
const task = (fields: object): object => ({ id: "j", tasks: [{ id: "t", ...fields }] });
const shell = { type: "shell", script: "x" };

describe("the JSON Schema of job files", () => {
  test("describes itself", () => {
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", type: "object" });
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });

  const files = globSync(["examples/jobs/**/*.{yaml,yml}", "test/fixtures/jobs-rust-era/*.{yaml,yml}"], {
    cwd: ROOT,
  }).filter((file) => !file.endsWith(".test.yaml"));
  test.each(files)("fits %s", (file) => {
    for (const document of parseAllDocuments(readFileSync(join(ROOT, file), "utf8"))) {
      if ("contents" in document && document.contents !== null) expect(fits(document.toJS())).toBe(true);
    }
  });

  test.each([
    ["a minimal job", task(shell)],
    ["a schedule in a list", { ...task(shell), schedule: ["@daily"] }],
    ["a schedule as a map", { ...task(shell), schedule: { cron: "@daily", jitter: "30s" } }],
    [
      "gates in every form",
      {
        ...task(shell),
        depends_on: ["a", { job: "b" }, { job_id: "c", condition: { within_window: { seconds: 1 } } }],
      },
    ],
    ["any config", { ...task(shell), config: { a: [1, null, { b: "c" }] } }],
    ["an empty param", { ...task(shell), params: { a: null } }],
    ["numbers as arguments", task({ ...shell, args: [1, true, "x"], environment: { A: 1, B: null } })],
    ["a command in a container with stdin", task({ type: "command", command: "x", container: "alpine", stdin: "x" })],
    ["an ssh task with stdin", task({ type: "ssh", host: "a", script: "x", stdin: "x", working_dir: "/" })],
    ["always", task({ ...shell, condition: "always" })],
    [
      "who is told, in every form",
      {
        ...task(shell),
        notify: [
          { type: "webhook", url: { env: "HOOK" }, headers: { "X-A": { file: "a" }, "X-B": 1 }, secret: { file: "s" } },
          { type: "healthchecks", url: "https://hc.example/uuid", on: ["success"], timeout: "5s" },
        ],
      },
    ],
  ])("takes %s", (_name, job) => {
    expect(fits(job)).toBe(true);
  });

  test.each([
    ["an unknown field", { ...task(shell), nmae: "x" }],
    ["no id", { tasks: [{ id: "t", ...shell }] }],
    ["an id with a space", { ...task(shell), id: "a b" }],
    ["no tasks", { id: "j", tasks: [] }],
    ["a limit of 0", { ...task(shell), max_concurrency: 0 }],
    ["a duration without a unit", { ...task(shell), timeout: 5 }],
    ["an odd duration", { ...task(shell), timeout: "5 minutes" }],
    ["an unknown policy", { ...task(shell), on_overlap: "wait" }],
    ["a custom task", task({ type: "custom" })],
    ["a shell task without a script", task({ type: "shell" })],
    ["a shell task with a command", task({ ...shell, command: "x" })],
    ["an http task in a container", task({ type: "http", url: "http://a", container: "alpine" })],
    ["a typescript task in a container", task({ type: "typescript", inline: true, script: "1", container: "alpine" })],
    ["an http task with stdin", task({ type: "http", url: "http://a", stdin: "x" })],
    ["an approval with stdin", task({ type: "approval", stdin: "x" })],
    ["an approval with a working directory", task({ type: "approval", working_dir: "/" })],
    ["a task that runs a job in a container", task({ type: "job", job: "a", container: "alpine" })],
    ["a task that runs a job with a working directory", task({ type: "job", job: "a", working_dir: "/" })],
    ["two timeouts", task({ ...shell, timeout: "5s", timeout_secs: 5 })],
    ["a gate without a job", { ...task(shell), depends_on: [{ condition: "last_success" }] }],
    ["a variable with '='", task({ ...shell, environment: { "A=B": "x" } })],
    ["an empty command", task({ type: "command", command: "" })],
    ["who is told without a URL", { ...task(shell), notify: [{ type: "webhook" }] }],
    ["a URL from two places", { ...task(shell), notify: [{ type: "webhook", url: { env: "A", file: "b" } }] }],
    ["a signed ping", { ...task(shell), notify: [{ type: "healthchecks", url: "http://a", secret: { env: "A" } }] }],
    ["a ping of a recovery", { ...task(shell), notify: [{ type: "healthchecks", url: "http://a", on: ["recovery"] }] }],
  ])("refuses %s, as petit does", (_name, job) => {
    expect(fits(job)).toBe(false);
    expect(readJobFile({ file: "f", folder: "/", text: JSON.stringify(job) }).problems).not.toEqual([]);
  });
});
