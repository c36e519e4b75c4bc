import type { Database } from "bun:sqlite";
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Random } from "./random.ts";

/** How long a file must not change, in ms. A slow writer pauses for less. */
const SETTLE_MS = 800;

/** The trigger of the job `inbox` in the jobs of `dir`. */
export const inboxTrigger = (dir: string): string =>
  `triggers: [{type: files, paths: [${JSON.stringify(`${dir}/inbox/*.csv`)}], settle: ${SETTLE_MS}ms, interval: 2s}]`;

const CONTENT = "first,second\n1,2\n";

/** Writes files for the job `inbox`: at once under another name, or slowly. */
export class Inbox {
  readonly #dir: string;
  readonly #random: Random;
  readonly #writing: Promise<void>[] = [];
  #written = 0;

  constructor(dir: string, random: Random) {
    this.#dir = join(dir, "inbox");
    this.#random = random;
    mkdirSync(this.#dir, { recursive: true });
  }

  /** The number of files. */
  get count(): number {
    return this.#written;
  }

  drop(): void {
    const path = join(this.#dir, `${this.#written++}.csv`);
    if (this.#random.next() < 0.5) {
      writeFileSync(`${path}.part`, CONTENT);
      renameSync(`${path}.part`, path);
    } else this.#writing.push(writeSlowly(path));
  }

  /** Resolves when no file changes any more. */
  async complete(): Promise<void> {
    await Promise.all(this.#writing);
  }
}

const writeSlowly = async (path: string): Promise<void> => {
  for (const character of [CONTENT.slice(0, 3), CONTENT.slice(3, 8), CONTENT.slice(8)]) {
    appendFileSync(path, character);
    await setTimeout(SETTLE_MS / 4);
  }
};

type FileDelivery = { readonly path: string; readonly size: number };

const deliveriesOf = (db: Database): readonly FileDelivery[] =>
  db
    .query<FileDelivery, []>(
      `SELECT event ->> '$.path' AS path, event ->> '$.files[0].size' AS size
       FROM deliveries JOIN delivery_events ON delivery = deliveries.seq WHERE job_id = 'inbox'`,
    )
    .all();

/** Returns how many files are accounted for. */
export const accountedFiles = (db: Database): number => deliveriesOf(db).length;

/** Returns a sentence for each file that is not exactly one delivery, or was taken while it was written. */
export const wrongFiles = (db: Database, count: number): readonly string[] => {
  const byPath = Map.groupBy(deliveriesOf(db), ({ path }) => path.replace(/.*\//, ""));
  const names = Array.from({ length: count }, (_, index) => `${index}.csv`);
  const early = [...byPath.values()].flat().filter(({ size }) => size !== CONTENT.length);
  return [
    ...names
      .filter((name) => byPath.get(name)?.length !== 1)
      .map((name) => `the file ${name} is ${byPath.get(name)?.length ?? 0} deliveries`),
    ...early.map(({ path, size }) => `the file ${path} was taken when it had ${size} bytes`),
  ];
};
