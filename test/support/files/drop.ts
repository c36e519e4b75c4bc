import { Database } from "bun:sqlite";
import { appendFileSync, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Petit, startPetit } from "../petit/petit.ts";

export type DropOptions = {
  /** An empty folder for the database, the job and the files. */
  readonly dir: string;
  readonly files: number;
  /** Time in which the files are dropped, in ms. */
  readonly overMs: number;
  /** How often petit is killed meanwhile. */
  readonly kills: number;
  readonly settleMs: number;
};

export type Drop = {
  /** How many runs each file has. */
  readonly counts: ReadonlyMap<string, number>;
  /** The files that were delivered with another size than they have in the end. */
  readonly early: readonly string[];
  readonly runs: number;
  readonly seen: number;
  /** How long after the last write the last delivery was stored, in ms. */
  readonly lastAfterMs: number;
};

/** Every second file is written in so many parts, with pauses shorter than `settle`. Every third of the others appears by a rename. */
const PARTS = 4;

const EACH = "x".repeat(100);

/** Drops files into a watched folder while petit is killed, and says what became of them. */
export const dropFiles = async (options: DropOptions): Promise<Drop> => {
  const { dir, files, overMs, kills, settleMs } = options;
  const inbox = join(dir, "in");
  mkdirSync(inbox, { recursive: true });
  const jobs = {
    "inbox.yaml": `
id: inbox
max_concurrency: 8
retention: {runs: all, days: all}
params: {path: {required: true}, size: {required: true}}
triggers:
  - type: files
    paths: [${inbox}/*.csv]
    settle: ${settleMs}ms
    params: {path: "\${{ event.path }}", size: "\${{ event.files[0].size }}"}
tasks: [{id: t, type: command, command: "true"}]
`,
  };
  let petit: Petit = await startPetit({ dir, jobs });
  await until(() => count(petit, "watched_patterns") === 1);
  const beginsAt = performance.now();
  const writing = Promise.all(
    Array.from({ length: files }, async (_, index) => {
      await sleep((index * overMs) / files);
      await write(join(inbox, `f${index}.csv`), index, settleMs);
    }),
  );
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(beginsAt + (kill * overMs) / (kills + 1) - performance.now());
    await petit.kill();
    petit = await startPetit({ dir, jobsDir: join(dir, "jobs") });
  }
  await writing;
  const writtenAt = Date.now();
  await until(() => count(petit, "deliveries") >= files);
  await until(() => count(petit, "runs WHERE ended_at IS NOT NULL") >= files);
  await petit.stop();
  return judge(petit, writtenAt);
};

const write = async (path: string, index: number, settleMs: number): Promise<void> => {
  if (index % 2 === 1) {
    for (let part = 0; part < PARTS; part++) {
      appendFileSync(path, EACH);
      if (part < PARTS - 1) await sleep(settleMs * 0.4);
    }
  } else if (index % 6 === 0) {
    writeFileSync(`${path}.part`, EACH);
    renameSync(`${path}.part`, path);
  } else writeFileSync(path, EACH);
};

const until = async (check: () => boolean): Promise<void> => {
  while (!check()) await sleep(50);
};

const count = ({ dbPath }: Pick<Petit, "dbPath">, from: string): number => {
  using db = new Database(dbPath, { readonly: true });
  db.run("PRAGMA busy_timeout = 5000");
  return db.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${from}`).get()?.count ?? 0;
};

const judge = ({ dbPath }: Pick<Petit, "dbPath">, writtenAt: number): Drop => {
  using db = new Database(dbPath, { readonly: true });
  const rows = db
    .query<{ params: string; at: number }, []>(
      "SELECT params, received_at AS at FROM deliveries JOIN runs ON delivery_id = deliveries.id",
    )
    .all();
  const counts = new Map<string, number>();
  const early: string[] = [];
  for (const { params } of rows) {
    const { path, size } = JSON.parse(params);
    counts.set(path, (counts.get(path) ?? 0) + 1);
    if (Number(size) !== statSync(path).size) early.push(path);
  }
  return {
    counts,
    early,
    runs: count({ dbPath }, "runs WHERE delivery_id IN (SELECT id FROM deliveries WHERE outcome = 'fired')"),
    seen: count({ dbPath }, "seen_files"),
    lastAfterMs: Math.max(...rows.map(({ at }) => at)) - writtenAt,
  };
};
