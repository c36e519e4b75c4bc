import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type WorkersAnswer, workersText } from "../../../src/cli/workers/table.ts";
import { type CommandResult, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const ROOT = join(import.meta.dirname, "../../..");

const NOW = 1_767_225_600_000;

const NODE = { run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60", job_id: "train", task_id: "fit", item: null };

const WORKER: WorkersAnswer["workers"][number] = {
  name: "box7",
  state: "connected",
  refused: null,
  draining: false,
  labels: ["gpu", "zone=eu"],
  allowed_types: null,
  limits: ["memory", "cpus", "pids"],
  slots: 2,
  slots_used: 1,
  version: "0.1.0",
  protocol: 1,
  address: "box7.lan",
  first_seen_at: NOW - 86_400_000,
  last_contact_at: NOW - 2_000,
  unreachable_since: null,
  clock_difference_ms: 12,
  running: [{ ...NODE, attempt: 1, claimed_at: NOW - 60_000 }],
};

const ANSWER: WorkersAnswer = {
  workers: [
    WORKER,
    { ...WORKER, name: "box8", draining: true, limits: [], slots_used: 0, running: [], clock_difference_ms: 3_600_000 },
    {
      ...WORKER,
      name: "old",
      state: "refused",
      refused: "protocol",
      limits: null,
      protocol: 2,
      slots_used: 0,
      running: [],
    },
  ],
  count: 3,
  waiting: [
    {
      ...NODE,
      waits_for: { code: "worker", labels: ["oracle"], type: null, connected: 0 },
      count: 2,
      since: NOW - 5_000,
    },
  ],
  nats: { url: "nats://nats:4222", connected: false, since: NOW - 3_000, error: "connection refused" },
};

const PIPE = {
  isTerminal: false,
  movesCursor: false,
  color: false,
  columns: () => 80,
  rows: () => 24,
  write: () => {},
};

describe("the table of workers", () => {
  test("names the attempts on each, the attempts that wait for one, and why nothing new starts", () => {
    expect(
      workersText(ANSWER, { screen: PIPE, now: NOW }),
    ).toBe(`petit has not reached NATS at nats://nats:4222 for 3s: connection refused

WORKER  STATE                 SLOTS  LABELS       ENFORCES          VERSION                 ADDRESS   CONTACT  RUNS
box7    connected             1/2    gpu,zone=eu  memory,cpus,pids  0.1.0                   box7.lan  2s ago   fit of train (019b76da-a800-7c3e-8f2b-5d1c9a7e4f60)
box8    draining              0/2    gpu,zone=eu  none              0.1.0 (clock 1h ahead)  box7.lan  2s ago   -
old     refused (protocol 2)  0/2    gpu,zone=eu  -                 0.1.0                   box7.lan  2s ago   -

WAITING                  FOR  RUN                                   NEEDS
fit of train and 1 more  5s   019b76da-a800-7c3e-8f2b-5d1c9a7e4f60  a worker with oracle: none is connected
`);
  });
});

describe("petit workers, where petit runs without workers", () => {
  let running: Petit;
  beforeAll(async () => {
    running = await startPetit({ args: ["--no-watch"] });
  });
  afterAll(() => running[Symbol.asyncDispose]());

  const ask = (...args: readonly string[]): Promise<CommandResult> =>
    petit(args, { environment: { PETIT_URL: running.url } });

  test("explains how to set them up, and lists nothing", async () => {
    const { status, stdout, stderr } = await ask("workers");
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toContain(`petit at ${running.url} runs without workers\n`);
    expect(stderr).toContain("petit worker keygen");
    const answer = { workers: [], count: 0, waiting: [], nats: null };
    expect(JSON.parse((await ask("workers", "--json")).stdout)).toEqual(answer);
  });
});

test.each(["examples/workers/jobs", "examples/messages/jobs"])("the example %s is valid", async (folder) => {
  const { status, stdout } = await petit(["validate", folder], { cwd: ROOT });
  expect([status, stdout]).toEqual([0, expect.stringContaining("1 job")]);
});
