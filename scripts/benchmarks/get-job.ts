import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "./load.ts";
import { startPetit } from "./petit-process.ts";
import { figure, median } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, typicalJob, writeJobs } from "./workspace.ts";

const ROUNDS = 5;
const PATH = "/api/jobs/job-00000";

/** Measures responses per second, compared with a minimal server that returns the same bytes. */
export const measureGetJob = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("get-job");
  const jobsDir = writeJobs(dir, 10, (id, index) => typicalJob(id, index));
  await using petit = await startPetit({ jobsDir, db: join(dir, "petit.db") });
  const response = await fetch(`http://127.0.0.1:${petit.port}${PATH}`);
  const file = join(dir, "response.json");
  writeFileSync(file, await response.bytes());
  await using bare = await startBare(file);
  const rate = async (port: number, seconds: number): Promise<number> =>
    (await load({ port, connections: 16, seconds, method: "GET", path: PATH })).perSecond;
  for (const { port } of [petit, bare]) await rate(port, 0.5);
  const rounds: { petit: number; bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ petit: await rate(petit.port, 1), bare: await rate(bare.port, 1) });
  return [
    {
      what: "GET /api/jobs/{id}",
      petit: `${figure(median(rounds.map((each) => each.petit)))}/s`,
      baseline: `${figure(median(rounds.map((each) => each.bare)))}/s Bun.serve`,
      ratio: median(rounds.map((each) => each.petit / each.bare)),
      target: { bound: "at least", value: 0.4 },
    },
  ];
};

const startBare = async (file: string): Promise<{ readonly port: number } & AsyncDisposable> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "bare-server.ts"), PATH, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await reader.read()).value);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await child.exited;
    },
  };
};
