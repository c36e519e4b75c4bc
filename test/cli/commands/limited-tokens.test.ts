import { afterAll, beforeAll, expect, test } from "bun:test";
import { petit as command } from "../../support/cli.ts";
import { type PetitOfRepository, startWithRepository } from "../../support/git/petit.ts";
import { ask } from "../../support/petit/api.ts";
import { createPerson } from "../../support/petit/people.ts";

const JOBS = `id: etl_load
tags: [etl]
schedule: "0 0 1 1 *"
tasks: [{id: t, type: shell, script: "echo KeyError >&2; exit 3"}]
---
id: hidden_job
schedule: "0 0 1 1 *"
tasks: [{id: t, type: shell, script: "exit 3"}]
`;

let running: PetitOfRepository;
let environment: Record<string, string>;
let runId: string;

beforeAll(async () => {
  running = await startWithRepository({ "jobs/all.yaml": JOBS });
  for (const job of ["hidden_job", "etl_load"]) {
    const { body } = await ask(running, `/api/jobs/${job}/trigger?wait=60`, { method: "POST" });
    expect(body.run.status).toBe("failed");
    runId = body.run_id;
  }
  const person = await createPerson(running, "sv", ["--role", "operator", "--tags", "etl"]);
  environment = { PETIT_URL: running.url, PETIT_API_TOKEN: person.token };
});

afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const commandOf = (text: string) =>
  command(text.replace("RUN", runId).replace("URL", running.url).split(" "), { environment });

test.each([
  "status",
  "status RUN",
  "list",
  "next",
  "runs",
  "logs RUN",
  "why etl_load",
  "review",
  "jobs history etl_load",
  "hooks",
  "deliveries",
  "workers",
  "artifacts RUN",
  "backfill list",
  "doctor",
  "retry RUN",
])("petit %s shows somebody who is limited to some jobs only these", async (text) => {
  const { status, stdout, stderr } = await commandOf(text);
  expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
  expect(stdout + stderr).not.toContain("hidden_job");
});

test.each(["jobs diff", "jobs source", "audit", "tokens --url URL"])(
  "petit %s says why it shows nothing",
  async (text) => {
    const { status, stdout, stderr } = await commandOf(text);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringMatching(/^petit: this .*\n$/)]);
  },
);
