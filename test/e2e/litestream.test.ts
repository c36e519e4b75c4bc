import { Database } from "bun:sqlite";
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { petit, textOf } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { eventually } from "../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(120_000);

const TOOLS = join(import.meta.dirname, "../../.tools/litestream");
const LITESTREAM = join(TOOLS, "litestream");
const S3 = join(TOOLS, "gofakes3");

/** `tick` writes each occurrence into a file that survives the loss of the machine. */
const JOBS = `id: work
tasks: [{id: t, type: shell, script: 'true'}]
---
id: tick
schedule: {cron: "* * * * * *", catchup: all}
tasks: [{id: t, type: shell, script: 'echo "$PETIT_SCHEDULED_FOR" >> "$DRILL/ticks"'}]
`;

/** How often Litestream copies what is new, and how much older than that the copy may be on a busy machine. */
const SYNC_MS = 1_000;
const SLACK_MS = 10_000;

/** They take several seconds. */
const RUNS = 250;

const ACCESS = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };

type Replica = {
  readonly config: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The server, which is ended with the test. */
  readonly server: ChildProcess | null;
};

const toFolder = async (folder: string): Promise<Replica> => ({
  config: `type: file\n      path: ${folder}`,
  environment: {},
  server: null,
});

const toS3 = async (): Promise<Replica> => {
  const port = await freePort();
  const server = spawn(S3, ["-backend", "memory", "-host", `127.0.0.1:${port}`, "-initialbucket", "petit"], {
    stdio: "ignore",
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually("the server answers", () =>
    fetch(url)
      .then(() => true)
      .catch(() => null),
  );
  return {
    config: `type: s3\n      bucket: petit\n      path: machine\n      region: us-east-1\n      force-path-style: true\n      endpoint: ${url}`,
    environment: ACCESS,
    server,
  };
};

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

const linesOf = (file: string): readonly string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

const runsOf = (file: string): ReadonlySet<string> => {
  const db = new Database(file, { readonly: true });
  try {
    return new Set(db.query("SELECT id FROM runs WHERE job_id = 'work' AND status = 'completed'").values().map(String));
  } finally {
    db.close();
  }
};

/** Makes runs one after the other. Returns their ids with when their ends were answered. */
const makeRuns = async (running: Petit, count: number) => {
  const ended: { readonly id: string; readonly at: number }[] = [];
  while (ended.length < count) {
    const answer = await running.fetch("/api/jobs/work/trigger?wait=30", { method: "POST" });
    expect(answer.status).toBe(200);
    ended.push({ id: (await answer.json()).run_id, at: performance.now() });
  }
  return ended;
};

describe.skipIf(!existsSync(LITESTREAM))("with Litestream", () => {
  const targets = [
    ["a folder", false],
    ["an S3-compatible server", true],
  ] as const;
  for (const [name, isS3] of targets)
    test.skipIf(isS3 && !existsSync(S3))(`to ${name}, a lost machine is restored up to the last second`, async () => {
      using dir = tempDir();
      const place = dir.file("petit");
      for (const folder of [place, dir.file("jobs")]) mkdirSync(folder, { mode: 0o700 });
      await Bun.write(dir.file("jobs/a.yaml"), JOBS);
      const replica = await (isS3 ? toS3() : toFolder(dir.file("replica")));
      if (replica.server !== null) children.push(replica.server);
      const config = dir.file("litestream.yml");
      await Bun.write(
        config,
        `dbs:\n  - path: ${place}/petit.db\n    replica:\n      ${replica.config}\n      sync-interval: ${SYNC_MS / 1_000}s\n`,
      );
      const environment = { PATH: process.env.PATH ?? "", HOME: dir.path, ...replica.environment };
      const start = (): Promise<Petit> =>
        startPetit({ dir: place, jobsDir: dir.file("jobs"), args: ["--no-watch"], env: { DRILL: dir.path } });
      const first = await start();
      const litestream = spawn(LITESTREAM, ["replicate", "-config", config], {
        env: environment,
        stdio: ["ignore", "pipe", "pipe"],
      });
      children.push(litestream);
      const log = textOf(litestream.stderr);
      void textOf(litestream.stdout);
      const ended = new Promise((resolve) => litestream.on("close", resolve));
      const made = await makeRuns(first, RUNS);
      const killedAt = performance.now();
      litestream.kill("SIGKILL");
      await Promise.all([first.kill(), ended]);
      const before = linesOf(dir.file("ticks"));
      // Renamed, because processes that petit has left may still write into the folder.
      renameSync(place, dir.file("lost"));
      mkdirSync(place, { mode: 0o700 });
      const restored = spawnSync(
        LITESTREAM,
        ["restore", "-config", config, "-o", dir.file("restored.db"), `${place}/petit.db`],
        { env: environment },
      );
      expect({ status: restored.status, log: restored.status === 0 ? "" : `${restored.stderr}${await log}` }).toEqual({
        status: 0,
        log: "",
      });
      const report = await petit(["--db", `${place}/petit.db`, "restore", dir.file("restored.db"), "--json"]);
      expect(report).toMatchObject({ status: 0 });
      const there = runsOf(`${place}/petit.db`);
      const lost = made.filter(({ id }) => !there.has(id));
      // What is lost is the end of what was made, and no older than the interval.
      expect(made.slice(0, made.length - lost.length).every(({ id }) => there.has(id))).toBe(true);
      for (const { at } of lost) expect(killedAt - at).toBeLessThan(SYNC_MS + SLACK_MS);
      expect(there.size).toBeGreaterThan(0);
      await using second = await start();
      const again = await second.fetch("/api/jobs/work/trigger?wait=30", { method: "POST" });
      expect(again.status).toBe(200);
      await eventually("an occurrence fires", () => (linesOf(dir.file("ticks")).length > before.length ? true : null));
      const ticks = linesOf(dir.file("ticks"));
      expect(new Set(ticks).size).toBe(ticks.length);
      const oldest = Math.max(0, ...lost.map(({ at }) => killedAt - at));
      process.stderr.write(
        `${name}: ${made.length} runs, ${lost.length} lost, the oldest ended ${(oldest / 1000).toFixed(1)} s before the kill\n`,
      );
    });
});
