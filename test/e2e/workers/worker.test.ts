import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { petit as runPetit } from "../../support/cli.ts";
import { hasNats, type NatsServer, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually, logOfFollower } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const KEY = generateSigningKey();

/** Prints a number per file that appears, and records each start. */
const job = (id: string, onInterrupt: "fail" | "rerun"): string => `id: ${id}
runs_on: [gpu]
on_interrupt: ${onInterrupt}
tasks:
  - id: only
    type: shell
    script: |
      echo "$$" >> "$HOME/${id}-starts"
      for i in 1 2 3; do echo $i; until [ -e "$HOME/${id}-$i" ]; do sleep 0.02; done; done
      touch "$HOME/${id}-end"
`;

/** Fails after a clean-up. */
const BROKEN = `id: broken
runs_on: [gpu]
tasks:
  - {id: each, type: shell, foreach: [one, two], script: 'echo "error: $PETIT_ITEM is away" >&2; echo "cleanup finished" >&2; exit 1'}
`;

const TOLD = `id: told
triggers: [{type: run, job: broken, on: [failed]}]
runs_on: [gpu]
tasks:
  - {id: only, type: shell, script: 'cat "$PETIT_EVENT"'}
`;

describe.skipIf(!hasNats("2.15"))("petit and a worker", () => {
  const dir = tempDir();
  let nats: NatsServer;
  let petit: Petit;

  const startScheduler = (given: Parameters<typeof startPetit>[0] = {}): Promise<Petit> =>
    startPetit({
      jobs: {
        "a.yaml": [job("plain", "fail"), job("plain2", "fail"), job("copied", "fail"), job("again", "rerun")].join(
          "---\n",
        ),
        "b.yaml": `${BROKEN}---\n${TOLD}`,
      },
      args: ["--nats", nats.url, "--nats-signing-key", dir.file("key"), "--lost-after", "6s"],
      ...given,
    });

  const worker = (name: string) =>
    startWorkerProcess({ dir: dir.path, nats: nats.url, trust: KEY.publicKey, name, args: ["--on-shutdown", "leave"] });

  const startsOf = (id: string): readonly string[] =>
    existsSync(dir.file(`${id}-starts`))
      ? readFileSync(dir.file(`${id}-starts`), "utf8")
          .split("\n")
          .filter((line) => line !== "")
      : [];

  const goOn = (id: string, ...steps: readonly number[]): void => {
    for (const step of steps) writeFileSync(dir.file(`${id}-${step}`), "");
  };

  const printed = (runId: string, text: string): Promise<string> =>
    eventually(`the log is ${JSON.stringify(text)}`, async () => {
      const log = await (await petit.fetch(`/api/runs/${runId}/logs`)).text();
      return log === text ? log : null;
    });

  beforeAll(async () => {
    nats = await startNats();
    writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
    petit = await startScheduler();
  });

  afterAll(async () => {
    await petit[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test("lose nothing when worker, scheduler and NATS are killed while a task runs", async () => {
    let box = worker("box1");
    const runId = await start(petit, "plain");
    await printed(runId, "1\n");
    box.kill("SIGKILL");
    await box.exited;
    goOn("plain", 1);
    box = worker("box1");
    await using _ = box;
    await printed(runId, "1\n2\n");
    await petit.kill();
    await nats.kill();
    nats.wipe();
    goOn("plain", 2);
    await nats.start();
    petit = await startScheduler({ dir: petit.dir });
    await printed(runId, "1\n2\n3\n");
    goOn("plain", 3);
    const { status, log } = await endOf(petit, runId);
    expect({ status, log, starts: startsOf("plain").length }).toEqual({
      status: "completed",
      log: "1\n2\n3\n",
      starts: 1,
    });
  });

  test("find the line that explains a failure in what the worker has sent, and give the event of its end to another task", async () => {
    await using _ = worker("box6");
    const runId = await start(petit, "broken");
    expect((await endOf(petit, runId)).status).toBe("failed");
    const { tasks } = (await ask(petit, `/api/runs/${runId}/tasks`)).body;
    expect(tasks[0].failures).toMatchObject([{ text: "error: one is away", count: 2 }]);
    const event = JSON.parse(await logOfFollower(petit, "told", runId));
    expect(event).toMatchObject({ type: "failed", run: { id: runId } });
  });

  test("end a run soon after a restart of a petit that was killed while an outcome was on its way", async () => {
    await using _ = worker("box5");
    const runId = await start(petit, "plain2");
    goOn("plain2", 1, 2);
    await printed(runId, "1\n2\n3\n");
    // The outcome waits in the connection of a petit that does not read it.
    process.kill(petit.pid, "SIGSTOP");
    goOn("plain2", 3);
    await eventually("the task has ended", () => (existsSync(dir.file("plain2-end")) ? true : null));
    const ended = () => new Database(join(dir.path, "box5", "worker.db"), { readonly: true });
    await eventually("the worker sends its outcome", () => {
      using db = ended();
      return db.query("SELECT 1 FROM received WHERE state = 'ended'").get();
    });
    await petit.kill();
    petit = await startScheduler({ dir: petit.dir });
    const startedAt = performance.now();
    expect((await endOf(petit, runId)).status).toBe("completed");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("end a run that was copied while the task ran, in the place of the original", async () => {
    await using _ = worker("box6");
    const runId = await start(petit, "copied");
    goOn("copied", 1);
    await printed(runId, "1\n2\n");
    const copy = dir.file("copied.db");
    expect(await runPetit(["--db", petit.dbPath, "backup", copy])).toMatchObject({ status: 0, stdout: "" });
    await petit.kill();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${petit.dbPath}${suffix}`, { force: true });
    renameSync(copy, petit.dbPath);
    petit = await startScheduler({ dir: petit.dir });
    goOn("copied", 2, 3);
    const { status, log } = await endOf(petit, runId);
    const starts = startsOf("copied").length;
    expect({ status, log, starts }).toEqual({ status: "completed", log: "1\n2\n3\n", starts: 1 });
  });

  test("run a task again elsewhere only after a stopped worker's guard has ended it", async () => {
    await using first = worker("box2");
    const runId = await start(petit, "again");
    await eventually("it has started", () => (startsOf("again").length === 1 ? true : null));
    const [pid = ""] = startsOf("again");
    first.kill("SIGSTOP");
    await using _ = worker("box3");
    await eventually("it has started again", () => (startsOf("again").length === 2 ? true : null));
    expect(existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBeFalsy();
    goOn("again", 1, 2, 3);
    expect((await endOf(petit, runId)).status).toBe("completed");
    first.kill("SIGCONT");
    await eventually("the first one deletes it", () => (first.log().includes("no longer this worker's") ? true : null));
    const { body } = await ask(petit, `/api/runs/${runId}/tasks`);
    expect(body.tasks[0].attempt_list.map(({ reason }: { readonly reason: string }) => reason)).toEqual([
      "worker_lost",
      null,
    ]);
  });

  test("share no state folder and no name", async () => {
    await using first = worker("box4");
    await eventually("it is known", () => (first.log().includes("knows this worker") ? true : null));
    await using second = worker("box4");
    expect(await second.exited).toBe(4);
    expect(second.log()).toContain(`the state folder ${join(dir.path, "box4")} is in use by process ${first.pid}`);
    const args = ["--state-dir", dir.file("other")];
    await using third = startWorkerProcess({
      dir: dir.path,
      nats: nats.url,
      trust: KEY.publicKey,
      name: "box4",
      args,
    });
    expect(await third.exited).toBe(4);
    expect(third.log()).toContain("another worker named box4 is connected");
  });
});
