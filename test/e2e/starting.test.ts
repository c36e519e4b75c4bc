import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freePort } from "../support/free-port.ts";
import { baseEnvironment, petitCommand } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const JOBS = 300;

/** Starts petit, and returns its address at once. */
const launch = async (dir: string) => {
  const port = await freePort();
  const args = ["run", `${dir}/jobs`, "--db", `${dir}/petit.db`, "--api-port", String(port), "--log-level", "error"];
  const child = Bun.spawn([...petitCommand(), ...args], {
    cwd: dir,
    env: baseEnvironment(dir),
    stdio: ["ignore", "ignore", "inherit"],
  });
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
};

/** Asks until something answers. */
const firstAnswer = async (url: string, init?: RequestInit): Promise<Response> => {
  for (;;) {
    const answer = await fetch(url, init).catch(() => null);
    if (answer !== null) return answer;
    await Bun.sleep(1);
  }
};

const writeJobs = (dir: string): void => {
  mkdirSync(`${dir}/jobs`);
  for (let index = 0; index < JOBS; index++)
    writeFileSync(
      `${dir}/jobs/job${index}.yaml`,
      `id: job${index}\ntasks: [{id: t, type: shell, script: "true", environment: {N: "${index}"}}]\n`,
    );
};

test("petit answers triggers and jobs as usual from its first answer on, and is healthy when it has started", async () => {
  using dir = tempDir();
  writeJobs(dir.path);
  // With a new database, and with a known one.
  for (let start = 0; start < 2; start++) {
    await using petit = await launch(dir.path);
    const last = `${petit.url}/api/jobs/job${JOBS - 1}`;
    const [triggered, job, live, health] = await Promise.all([
      firstAnswer(`${last}/trigger`, { method: "POST" }),
      firstAnswer(last),
      firstAnswer(`${petit.url}/api/health/live`),
      firstAnswer(`${petit.url}/api/health`),
    ]);
    expect([triggered.status, job.status, live.status]).toEqual([200, 200, 200]);
    const { status } = (await health.json()) as { readonly status: string };
    expect(["200 ok", "503 starting"]).toContain(`${health.status} ${status}`);
  }
});

test("a trigger after the first 200 of health is never refused", async () => {
  using dir = tempDir();
  writeJobs(dir.path);
  await using petit = await launch(dir.path);
  for (;;) {
    const health = await firstAnswer(`${petit.url}/api/health`);
    if (health.status === 200) break;
    expect(await health.json()).toMatchObject({ status: "starting" });
  }
  const answers = await Promise.all(
    Array.from({ length: JOBS }, (_, index) => fetch(`${petit.url}/api/jobs/job${index}/trigger`, { method: "POST" })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const { status } = await fetch(`${petit.url}/api/scheduler/state`).then((answer) => answer.json());
  expect(status ?? "running").toBe("running");
});
