import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canInject, canMount, injectFault, smallDisk } from "../support/engine/faults.ts";
import { ask, post, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const JOBS = {
  "quick.yaml": "id: quick\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n",
  "tick.yaml": `id: tick\nschedule: "* * * * * *"\ntasks: [{id: t, type: command, command: "true"}]\n`,
  "waiting.yaml": `id: waiting
tasks:
  - id: first
    type: shell
    script: |
      echo began >> "$PETIT_CONFIG_DIR/began"
      while [ ! -e "$PETIT_CONFIG_DIR/go" ]; do sleep 0.02; done
      echo done || :
      echo ended >> "$PETIT_CONFIG_DIR/ended"
  - {id: second, type: command, command: echo, args: [next], depends_on: [first]}
`,
};

type Fault = {
  begin(): Promise<void>;
  end(): Promise<void>;
  /** The stored output of a task that prints during the fault. */
  readonly printed: string;
};

/** Checks petit before, during and after a fault of its disk. */
const expectRecovery = async (petit: Petit, scratch: string, fault: Fault): Promise<void> => {
  const before = await start(petit, "quick");
  expect(await endOf(petit, before)).toMatchObject({ status: "completed", log: "hi\n" });
  const waiting = await start(petit, "waiting");
  await eventually("the task's begin", () => (existsSync(join(scratch, "began")) ? true : null));

  await fault.begin();
  const health = await eventually("health says so", async () => {
    const answer = await ask(petit, "/api/health");
    return answer.status === 503 ? answer.body : null;
  });
  expect(health).toMatchObject({ status: "unavailable" });
  expect(JSON.stringify(health)).toContain("can't be written");
  const refused = await post(petit, "/api/jobs/quick/trigger");
  expect(refused).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
  expect(refused.body.error).toContain("the database can't be written: ");
  expect(refused.body.run_id).toBeUndefined();
  // A run that ends now is not reported as ended, because its end can't be stored.
  writeFileSync(join(scratch, "go"), "");
  await eventually("the task's end", () => (existsSync(join(scratch, "ended")) ? true : null));
  await eventually("petit tries to store the end", () =>
    petit.stderr().includes("cannot write to the database; retrying") ? true : null,
  );
  expect((await ask(petit, `/api/runs/${waiting}`)).body).toMatchObject({ status: "running" });
  expect((await ask(petit, "/api/jobs")).body.count).toBe(3);
  expect(await (await petit.fetch(`/api/runs/${before}/logs`)).text()).toBe("hi\n");

  await fault.end();
  await eventually("health is well again", async () =>
    (await petit.fetch("/api/health")).status === 200 ? true : null,
  );
  expect(await endOf(petit, waiting)).toMatchObject({ status: "completed", log: `${fault.printed}next\n` });
  expect(await endOf(petit, await start(petit, "quick"))).toMatchObject({ status: "completed" });
  const goneOn = performance.timeOrigin + performance.now();
  await eventually("occurrences fire again", async () => {
    const { body } = await ask(petit, "/api/jobs/tick/runs?status=completed&limit=1");
    return body.runs[0]?.created_at > goneOn || body.runs[0]?.started_at > goneOn ? true : null;
  });
  expect(await petit.stop()).toBe(0);
  const db = new Database(petit.dbPath, { readonly: true });
  expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  expect(db.query("SELECT count(*) AS count FROM runs WHERE job_id = 'quick'").get()).toEqual({ count: 2 });
  expect(db.query("SELECT count(*) AS count FROM runs WHERE status IN ('pending', 'running')").get()).toEqual({
    count: 0,
  });
  db.close();
};

const mkdirIn = (folder: string, name: string): string => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
};

const withScratch = async (work: (scratch: string) => Promise<void>): Promise<void> => {
  const scratch = mkdtempSync(join(tmpdir(), "petit-faults-"));
  try {
    await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

const jobsFor = (scratch: string): Readonly<Record<string, string>> => ({
  ...JOBS,
  "waiting.yaml": `config: {dir: ${JSON.stringify(scratch)}}\n${JOBS["waiting.yaml"]}`,
});

describe("petit survives a disk error, keeps answering reads, reports it, and recovers: ", () => {
  const rules = {
    "a failing sync": ["fsync:error=EIO"],
    "a failing write": ["pwrite64:error=EIO"],
    "a full disk": ["pwrite64:error=ENOSPC"],
  };
  for (const [what, calls] of Object.entries(rules)) {
    test.skipIf(!canInject)(
      what,
      () =>
        withScratch(async (scratch) => {
          await using petit = await startPetit({ jobs: jobsFor(scratch) });
          let end = async (): Promise<void> => {};
          await expectRecovery(petit, scratch, {
            begin: async () => {
              end = (await injectFault(petit.pid, calls)).end;
            },
            end: () => end(),
            printed: "done\n",
          });
        }),
      60_000,
    );
  }

  test.skipIf(!canMount)(
    "a full disk of 2 MB",
    () =>
      withScratch(async (scratch) => {
        const mountPoint = mkdirIn(scratch, "disk");
        using disk = smallDisk(mountPoint, 2 * 2 ** 20);
        // From source, Bun writes its cache to the home folder.
        const env = { HOME: scratch };
        await using petit = await startPetit({ dir: mkdirIn(mountPoint, "petit"), jobs: jobsFor(scratch), env });
        await expectRecovery(petit, scratch, {
          begin: async () => disk.fill(),
          end: async () => disk.free(),
          printed: "",
        });
      }),
    60_000,
  );
});

test.skipIf(!canMount)("a full spool folder is a spawn failure with the error's name, and later runs succeed", () =>
  withScratch(async (scratch) => {
    const dir = mkdirIn(scratch, "petit");
    using disk = smallDisk(mkdirIn(dir, "petit.db-spool"), 65_536);
    const retry = "retry: {max_attempts: 100, delay: 50ms, condition: transient_only}";
    // Not disposed here, because its folder can't be removed while a disk is mounted in it.
    const petit = await startPetit({
      dir,
      jobs: { "a.yaml": `id: quick\ntasks: [{id: t, type: shell, script: 'echo hi', ${retry}}]\n` },
    });
    await using atEnd = new AsyncDisposableStack();
    atEnd.defer(() => petit.kill());
    disk.fill();
    const runId = await start(petit, "quick");
    const error = await eventually("an attempt that fails", () => failedSpawn(petit.dbPath));
    expect(error).toContain("ENOSPC");
    disk.free();
    expect(await endOf(petit, runId)).toMatchObject({ status: "completed", log: "hi\n" });
    expect(await petit.stop()).toBe(0);
  }),
);

const failedSpawn = (dbPath: string): string | null => {
  const db = new Database(dbPath, { readonly: true });
  const row = db.query<{ error: string }, []>("SELECT error FROM attempts WHERE reason = 'spawn_failed'").get();
  db.close();
  return row?.error ?? null;
};
