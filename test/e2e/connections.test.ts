import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../support/petit/api.ts";
import { type Petit, petitCommand, startPetit } from "../support/petit/petit.ts";
import { runtimeCommand } from "../support/runtime-command.ts";
import { eventually } from "../support/torture/run.ts";

const JOBS = {
  "seconds.yaml": `id: seconds
schedule: "* * * * * *"
tasks:
  - {id: a, type: command, command: "true"}
  - {id: b, type: command, command: sleep, args: ["2"]}
`,
};

/** How long the clients stay connected, longer than the test takes. */
const FLOOD_SECONDS = 60;
const HEALTH_MS = 5_000;
const LOOKS = 5;

/** Starts petit with a limit of open files. */
const limited = (limit: number): Promise<Petit> =>
  startPetit({ jobs: JOBS, command: ["/bin/sh", "-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...petitCommand()] });

type Flood = { readonly port: number; readonly count: number; readonly manner: "silent" | "slow" };

/** Starts clients that keep connections open. Resolves when each has tried to connect. */
const flood = async ({ port, count, manner }: Flood): Promise<AsyncDisposable> => {
  const [program = "", ...before] = runtimeCommand;
  const script = join(import.meta.dirname, "../support/slow-clients.ts");
  const args = [...before, script, String(port), String(count), manner, String(FLOOD_SECONDS)];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await Promise.race([
    new Promise<void>((resolve) => child.stdout.once("data", () => resolve())),
    exited.then(() => Promise.reject(new Error("the clients ended"))),
  ]);
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
};

const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const openFiles = async (petit: Petit): Promise<number> =>
  Number(/^process_open_fds (\d+)$/m.exec(await (await petit.fetch("/metrics")).text())?.[1]);

/** Requests the health several times, each over a new connection. Returns the statuses. */
const requestHealth = async (petit: Petit): Promise<readonly number[]> => {
  const statuses: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const headers = { connection: "close" };
    statuses.push((await petit.fetch("/api/health", { headers, signal: AbortSignal.timeout(HEALTH_MS) })).status);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return statuses;
};

/** Waits for scheduled runs that started after `startedAt` and ended. */
const runsAfter = async (petit: Petit, startedAt: number): Promise<readonly { readonly status: string }[]> =>
  await eventually(
    "runs that ended",
    async () => {
      const { body } = await ask(petit, "/api/runs?limit=1000");
      const ended = body.runs.filter(
        (run: { created_at: number; ended_at: number | null }) => run.created_at > startedAt && run.ended_at !== null,
      );
      return ended.length >= 3 ? ended : null;
    },
    30_000,
  );

describe("connections", () => {
  test.each([
    { limit: 1024, count: 5_000, manner: "slow" as const },
    { limit: 64, count: 104, manner: "silent" as const },
    { limit: 64, count: 104, manner: "slow" as const },
  ])(
    "leave file descriptors for tasks and new connections: $count $manner ones with a limit of $limit",
    async (given) => {
      await using petit = await limited(given.limit);
      const startedAt = Date.now();
      await using _ = await flood({ ...given, port: Number(new URL(petit.url).port) });
      const before = { cpu: cpuMs(petit.pid), at: performance.now() };
      expect(await requestHealth(petit)).toEqual(Array.from({ length: LOOKS }, () => 200));
      const share = (cpuMs(petit.pid) - before.cpu) / (performance.now() - before.at);
      // An accept(2) that fails in a loop would use a whole core.
      expect(share).toBeLessThan(0.6);
      expect(await openFiles(petit)).toBeLessThan(given.limit);
      const runs = await runsAfter(petit, startedAt);
      expect(runs.filter(({ status }) => status !== "completed")).toEqual([]);
    },
    120_000,
  );
});
