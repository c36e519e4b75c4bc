import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, start } from "../petit/api.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { randomOf } from "./random.ts";
import { endOf, eventually } from "./run.ts";

export type WorkflowOptions = {
  readonly seed: number;
  /** How often petit is killed. */
  readonly kills: number;
  /** An empty folder for the database and the jobs. */
  readonly dir: string;
};

export type Workflow = {
  readonly runs: number;
  readonly items: number;
  readonly childRuns: number;
  /** How often petit was killed while an approval waited. */
  readonly killsWhileAsking: number;
  readonly surprises: readonly string[];
};

const FILES = 12;
const REGIONS = ["eu", "us", "asia"];

/**
 * Runs a job that lists files, converts each (three fail once), joins their outputs, asks for approval and then runs a child job for
 * each region. Kills petit at random instants meanwhile, and starts it again. Counts what happened.
 */
export const tortureWorkflow = async ({ seed, kills, dir }: WorkflowOptions): Promise<Workflow> => {
  const random = randomOf(seed);
  const surprises: string[] = [];
  const jobs = { "pipeline.yaml": pipeline(dir), "region.yaml": region(dir) };
  const args = ["--max-jobs", "2", "--max-tasks", "4", "--no-watch"];
  let petit = await startPetit({ jobs, args });
  const home = petit.dir;
  const runIds: string[] = [];
  let [killed, killsWhileAsking] = [0, 0];

  const restart = async (): Promise<void> => {
    await petit.kill();
    killed++;
    petit = await startPetit({ dir: home, args });
  };
  /** Kills petit after a random time, until the run asks or the kills are used up. */
  const disturb = async (runId: string, until: (petit: Petit) => Promise<boolean>): Promise<void> => {
    while (killed < kills && !(await until(petit))) {
      await Bun.sleep(random.between(0, 400));
      await restart();
    }
    await eventually(`progress of run ${runId}`, async () => ((await until(petit)) ? true : null), 60_000);
  };

  try {
    while (killed < kills) {
      const runId = await start(petit, "pipeline");
      runIds.push(runId);
      await disturb(runId, async (current) => (await statusOf(current, runId, "approve")) === "running");
      if (killed < kills) {
        await restart();
        killsWhileAsking++;
      }
      if ((await statusOf(petit, runId, "approve")) !== "running") surprises.push(`${runId}: the approval is gone`);
      await eventually("the run asks again", async () => {
        const { status } = await post(petit, `/api/runs/${runId}/tasks/approve/approve`);
        return status === 200 ? true : null;
      });
      await disturb(runId, async (current) => {
        const { body } = await ask(current, `/api/runs/${runId}`);
        return body.ended_at !== null;
      });
      const run = await endOf(petit, runId);
      if (run.status !== "completed") surprises.push(`${runId} ended as ${run.status}: ${run.error}`);
    }
    const counts = await count(petit, runIds, dir, surprises);
    return { runs: runIds.length, killsWhileAsking, surprises, ...counts };
  } finally {
    await petit[Symbol.asyncDispose]();
  }
};

const statusOf = async (petit: Petit, runId: string, taskId: string): Promise<string> => {
  const { body } = await ask(petit, `/api/runs/${runId}/tasks`);
  return body.tasks.find((task: { readonly task_id: string }) => task.task_id === taskId)?.status ?? "unknown";
};

/** Compares what the tasks recorded with what petit stored. */
const count = async (petit: Petit, runIds: readonly string[], dir: string, surprises: string[]) => {
  const did = existsSync(join(dir, "did")) ? readFileSync(join(dir, "did"), "utf8").split("\n") : [];
  const times = (line: string): number => did.filter((each) => each === line).length;
  const expectOnce = (line: string): void => {
    if (times(line) !== 1) surprises.push(`'${line}' happened ${times(line)} times`);
  };
  let [items, childRuns] = [0, 0];
  for (const runId of runIds) {
    for (let file = 0; file < FILES; file++) expectOnce(`converted ${runId} file-${file}`);
    items += FILES;
    const { body } = await ask(petit, `/api/runs?parent=${runId}&limit=100`);
    childRuns += body.runs.length;
    if (body.runs.length !== REGIONS.length) surprises.push(`${runId} has ${body.runs.length} child runs`);
    for (const { id, params } of body.runs) expectOnce(`region ${id} ${params.region}`);
  }
  return { items, childRuns };
};

const pipeline = (dir: string): string => `id: pipeline
environment: {DID: ${JSON.stringify(dir)}}
tasks:
  - id: scan
    type: shell
    script: |
      files=
      for n in $(seq 0 ${FILES - 1}); do files="$files\${files:+,}\\"file-$n\\""; done
      echo "files=[$files]" >> "$PETIT_OUTPUT"
  - id: convert
    type: shell
    depends_on: [scan]
    foreach: "\${{ tasks.scan.outputs.files }}"
    max_parallel: 4
    retry: {max_attempts: 3, delay: 50ms}
    script: |
      sleep 0.1
      case $PETIT_ITEM_INDEX in
        2 | 5 | 9)
          if [ ! -e "$DID/failed-$PETIT_RUN_ID-$PETIT_ITEM" ]; then
            : > "$DID/failed-$PETIT_RUN_ID-$PETIT_ITEM"
            exit 1
          fi ;;
      esac
      echo "rows=$PETIT_ITEM_INDEX" >> "$PETIT_OUTPUT"
      echo "converted $PETIT_RUN_ID $PETIT_ITEM" >> "$DID/did"
  - id: join
    type: shell
    depends_on: [convert]
    environment: {ROWS: "\${{ tasks.convert.outputs.rows }}"}
    script: |
      [ "$(echo "$ROWS" | tr -cd , | wc -c)" = ${FILES - 1} ]
  - {id: approve, type: approval, depends_on: [join]}
  - id: regions
    type: job
    job: region
    depends_on: [approve]
    foreach: [${REGIONS.join(", ")}]
    params: {region: "\${{ item }}"}
`;

const region = (dir: string): string => `id: region
environment: {DID: ${JSON.stringify(dir)}}
params: {region: {required: true}}
max_concurrency: 2
tasks:
  - {id: load, type: shell, script: 'sleep 0.2; echo "region $PETIT_RUN_ID $PETIT_PARAM_REGION" >> "$DID/did"'}
`;
