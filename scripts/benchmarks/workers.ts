import { Database } from "bun:sqlite";
import { Fleet } from "../../test/support/nats/fleet.ts";
import { hasNats, NATS_VERSIONS, type NatsVersion } from "../../test/support/nats/server.ts";
import { load } from "./load.ts";
import { EXECUTABLE } from "./petit-process.ts";
import { figure, median, medianAndP99, percentile } from "./statistics.ts";
import type { Row } from "./table.ts";
import { makeFolder, trueJob } from "./workspace.ts";

const WORKERS = { box1: ["box"], box2: ["box"], box3: ["box"] };
const SLOTS = 4;

const ROUNDS = 5;
/** How many runs are requested at the same time: less than the slots of all workers. */
const CONNECTIONS = 8;

const QUIET_RUNS = 200;

/** Less than `log_limit`. */
const OUTPUT_MIB = 12;

const LIVE_LINES = 300;
const LIVE_PAUSE_S = 0.02;

/** Measures tasks on three workers through a real nats-server, compared with tasks on petit's own machine in the same minutes. */
export const measureWorkers = async (): Promise<readonly Row[]> => {
  const version = NATS_VERSIONS.findLast(hasNats);
  if (version === undefined) return [{ what: "tasks on workers", petit: "nats-server is not installed" }];
  await using fleet = await startFleet(version);
  return [await attempts(fleet), await dispatch(fleet), await throughput(fleet), await live(fleet)];
};

const startFleet = (natsVersion: NatsVersion): Promise<Fleet> =>
  Fleet.start({
    dir: makeFolder("workers"),
    natsVersion,
    lostAfterMs: 5 * 60_000,
    jobs: { "jobs.yaml": [jobs("here"), jobs("box", "runs_on: box\n")].join("---\n") },
    workers: WORKERS,
    slots: SLOTS,
    command: [EXECUTABLE],
    isDirect: true,
  });

type Place = "here" | "box";

const jobs = (place: Place, runsOn = ""): string =>
  [
    trueJob(`true-${place}`, runsOn),
    `id: print-${place}\n${runsOn}tasks:
  - id: print
    type: shell
    script: yes 'the quick brown fox jumps over the lazy dog 0123456789' | head -c ${OUTPUT_MIB * 2 ** 20}\n`,
    `id: live-${place}\n${runsOn}tasks:
  - id: print
    type: typescript
    inline: true
    script: |
      for (let line = 0; line < ${LIVE_LINES}; line++) {
        console.log(performance.timeOrigin + performance.now());
        await Bun.sleep(${LIVE_PAUSE_S * 1_000});
      }\n`,
  ].join("---\n");

/** Runs of one task per second, on the workers and here, by turns. */
const attempts = async (fleet: Fleet): Promise<Row> => {
  const rate = async (place: Place): Promise<number> =>
    (await request(fleet, { place, connections: CONNECTIONS, seconds: 2 })).perSecond;
  await rate("box");
  await rate("here");
  const rounds: Record<Place, number>[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push({ box: await rate("box"), here: await rate("here") });
  return {
    what: "runs of one task on 3 workers",
    petit: `${figure(median(rounds.map(({ box }) => box)))}/s`,
    baseline: `${figure(median(rounds.map(({ here }) => here)))}/s here`,
    ratio: median(rounds.map(({ box, here }) => box / here)),
  };
};

type Requests = { readonly place: Place; readonly connections: number; readonly seconds: number };

const request = (fleet: Fleet, { place, connections, seconds }: Requests) =>
  load({
    ...{ port: portOf(fleet), connections, seconds, method: "POST" },
    path: `/api/jobs/true-${place}/trigger?wait=30`,
  });

const portOf = (fleet: Fleet): number => Number(new URL(urlOf(fleet)).port);

const urlOf = ({ scheduler }: Fleet): string => {
  const url = scheduler.ready?.url;
  if (typeof url !== "string") throw new Error("petit has no address");
  return url;
};

/** From the stored attempt to the granted claim, while nothing else happens. */
const dispatch = async (fleet: Fleet): Promise<Row> => {
  const since = Date.now();
  for (let run = 0; run < QUIET_RUNS; run++) await trigger(fleet, "true-box?wait=30");
  const db = new Database(fleet.dbPath, { readonly: true });
  const latenciesMs = db
    .query<{ ms: number }, [number]>("SELECT claimed_at - offered_at AS ms FROM offers WHERE offered_at >= ?")
    .all(since)
    .map(({ ms }) => ms);
  db.close();
  const [p50, p99] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
  return {
    what: "dispatch to a worker, p50 / p99",
    petit: medianAndP99(latenciesMs),
    verdict: `under 10 / 50 ms ${p50 < 10 && p99 < 50 ? "✓" : "✗"}`,
  };
};

/** Triggers a job and returns the id of its run. */
const trigger = async (fleet: Fleet, job: string): Promise<string> => {
  const [name, query = ""] = job.split("?");
  const response = await fleet.fetch(`/api/jobs/${name}/trigger?${query}`, { method: "POST" });
  const body = await response.json();
  if (!response.ok) throw new Error(`${job} was refused: ${JSON.stringify(body)}`);
  return body.run_id;
};

const throughput = async (fleet: Fleet): Promise<Row> => {
  const mibPerSecond = async (place: Place): Promise<number> => {
    const startedAt = performance.now();
    await trigger(fleet, `print-${place}?wait=60`);
    return (OUTPUT_MIB / (performance.now() - startedAt)) * 1_000;
  };
  const rounds: Record<Place, number>[] = [];
  for (let round = 0; round < ROUNDS; round++)
    rounds.push({ box: await mibPerSecond("box"), here: await mibPerSecond("here") });
  return {
    what: `output of ${OUTPUT_MIB} MiB by a task on a worker`,
    petit: `${figure(median(rounds.map(({ box }) => box)))} MiB/s`,
    baseline: `${figure(median(rounds.map(({ here }) => here)))} MiB/s here`,
    ratio: median(rounds.map(({ box, here }) => box / here)),
  };
};

/** From the writing of a line to its arrival at a reader of the log. */
const live = async (fleet: Fleet): Promise<Row> => {
  const here = await delaysOf(fleet, "here");
  const box = await delaysOf(fleet, "box");
  const value = median(box);
  return {
    what: "live line on a worker to its reader, p50 / p99",
    petit: medianAndP99(box),
    baseline: `${medianAndP99(here)} here`,
    ratio: value / median(here),
    value,
    target: { bound: "under", value: 200, unit: " ms" },
  };
};

const delaysOf = async (fleet: Fleet, place: Place): Promise<readonly number[]> => {
  const runId = await trigger(fleet, `live-${place}`);
  const headers = { accept: "text/event-stream" };
  const { body } = await fleet.fetch(`/api/runs/${runId}/logs?follow=true`, { headers });
  const delaysMs: number[] = [];
  let text = "";
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const now = performance.timeOrigin + performance.now();
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const writtenAt = /"text":"(\d+\.?\d*)/.exec(text.slice(0, end))?.[1];
      if (writtenAt !== undefined) delaysMs.push(now - Number(writtenAt));
      text = text.slice(end + 2);
    }
  }
  if (delaysMs.length !== LIVE_LINES) throw new Error(`received ${delaysMs.length} of ${LIVE_LINES} lines`);
  return delaysMs;
};
