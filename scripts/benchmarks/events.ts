import { Database } from "bun:sqlite";
import { join } from "node:path";
import { load } from "./load.ts";
import { type PetitProcess, peakMiB, resetPeak, residentMiB, startPetit } from "./petit-process.ts";
import { CONCURRENCY } from "./raw-spawn.ts";
import { figure, medianAndP99 } from "./statistics.ts";
import type { Row } from "./table.ts";
import { PAUSE_MS } from "./trigger.ts";
import { makeFolder, trueJob, writeJobs } from "./workspace.ts";

const SUBSCRIBERS = 200;
const SECONDS = 3;
const PATH = "/api/jobs/job-00000/trigger";

/** Measures the delivery of events to 200 subscribers: rate, delay, and petit's memory. Fails if an event is lost or duplicated. */
export const measureEvents = async (): Promise<readonly Row[]> => {
  const dir = makeFolder("events");
  const jobsDir = writeJobs(dir, 1, (id) => trueJob(id));
  const db = join(dir, "petit.db");
  await using petit = await startPetit({ jobsDir, db });
  await runsPerSecond(petit, 1);
  const alone = await runsPerSecond(petit, SECONDS);
  const before = residentMiB(petit.pid);
  await using clients = await subscribe(petit);
  resetPeak(petit.pid);
  await load({ port: petit.port, connections: 1, pauseMs: PAUSE_MS, seconds: SECONDS, method: "POST", path: PATH });
  const paced = await clients.caughtUp(newestSeq(db));
  const firstSeq = newestSeq(db);
  const startedAt = performance.now();
  const together = await runsPerSecond(petit, SECONDS);
  const lastSeq = newestSeq(db);
  await clients.caughtUp(lastSeq);
  const perSecond = ((lastSeq - firstSeq) / (performance.now() - startedAt)) * 1000;
  return [
    { what: "events to 200 subscribers, delivered", petit: `${figure(perSecond * SUBSCRIBERS)}/s` },
    { what: "  … runs per second meanwhile", petit: `${figure(together)}/s`, ...compare(together, alone) },
    { what: "  … delay at 100 runs per second, p50 / p99", petit: medianAndP99(paced) },
    { what: "  … memory before / peak", petit: `${figure(before)} / ${figure(peakMiB(petit.pid))} MiB` },
  ];
};

const compare = (together: number, alone: number): Pick<Row, "baseline" | "ratio"> => ({
  baseline: `${figure(alone)}/s without subscribers`,
  ratio: together / alone,
});

const runsPerSecond = async ({ port }: PetitProcess, seconds: number): Promise<number> =>
  (await load({ port, connections: CONCURRENCY, seconds, method: "POST", path: `${PATH}?wait=30` })).perSecond;

const newestSeq = (path: string): number => {
  using db = new Database(path, { readonly: true });
  return db.query<{ seq: number }, []>("SELECT max(seq) AS seq FROM events").get()?.seq ?? 0;
};

const subscribe = async ({ port }: PetitProcess) => {
  const command = [process.execPath, join(import.meta.dir, "events-client.ts"), String(port), String(SUBSCRIBERS)];
  const child = Bun.spawn(command, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = readLines(child.stdout);
  await lines.next();
  return {
    /** Waits until every subscriber has received the event `seq`. Returns the delays of a sample of the events, in ms. */
    caughtUp: async (seq: number): Promise<readonly number[]> => {
      child.stdin.write(`${seq}\n`);
      child.stdin.flush();
      const { value } = await lines.next();
      if (value === undefined) throw new Error("a subscriber failed");
      return JSON.parse(value).delaysMs;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await child.exited;
    },
  };
};

async function* readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
