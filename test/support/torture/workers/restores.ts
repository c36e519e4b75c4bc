import { Database } from "bun:sqlite";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { baseEnvironment, petitCommand } from "../../petit/petit.ts";
import { rows } from "../invariants.ts";
import type { Fault, FaultOptions } from "./faults.ts";

/** What a restored database forgot. Keys are those of marks. */
export type Restore = {
  /** The ids of the runs that only the replaced database had. */
  readonly runs: ReadonlySet<string>;
  /** The keys of the attempts that only the replaced database had, by id. */
  readonly attempts: ReadonlyMap<number, string>;
  /** The keys of the attempts that were unfinished in the copy, and can have ended, or moved to another worker, since. */
  readonly unfinished: ReadonlySet<string>;
};

/** How long petit works on after the copy was made, in ms. */
const WORKS_ON_MS = [300, 6_000] as const;

/** Replaces the database of petit by a copy that is some seconds old, and starts petit on it. */
export const restoredFault = (options: FaultOptions, fault: Pick<Fault, "name" | "member">): Fault => {
  const { fleet, random, surprise, onRestored } = options;
  const { member } = fault;
  const { dbPath } = fleet;
  const end = async (): Promise<void> => {
    if (random.next() < 0.5) return await member.kill();
    const status = await member.stop();
    if (status !== 0) surprise(`${member.name} stopped with ${status}`);
  };
  const isBackup = random.next() < 0.5;
  const put = random.pick([
    [2, "beside the file of its incarnation"],
    [2, "without that file"],
    [isBackup ? 2 : 0, "by petit"],
  ] as const);
  const workOnMs = random.between(...WORKS_ON_MS);
  const begin = async (): Promise<void> => {
    const dir = mkdtempSync(join(tmpdir(), "petit-restored-"));
    const copy = join(dir, "copy.db");
    if (isBackup) await runPetit(dir, ["--db", dbPath, "backup", copy]);
    else {
      await end();
      copyDatabase(dbPath, copy);
      await member.start();
    }
    await Bun.sleep(workOnMs);
    await end();
    onRestored(compareDatabases({ replaced: dbPath, copy, dir }));
    if (put === "by petit") await restoreByPetit({ dbPath, copy, dir });
    else {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${dbPath}${suffix}`, { force: true });
      if (put === "without that file") rmSync(`${dbPath}-incarnation`, { force: true });
      copyDatabase(copy, dbPath);
    }
    rmSync(dir, { recursive: true });
    await member.start();
  };
  const name = `${fault.name}, ${put}`;
  return { ...fault, name, durationMs: 0, begin, heal: async () => {} };
};

type Places = { readonly dbPath: string; readonly copy: string; readonly dir: string };

const restoreByPetit = async ({ dbPath, copy, dir }: Places): Promise<void> => {
  await runPetit(dir, ["--db", dbPath, "restore", copy]);
  // What it keeps would fill the small disk.
  const folder = dirname(dbPath);
  const kept = readdirSync(folder).filter((name) => name.includes(".before-restore-"));
  for (const name of kept) rmSync(join(folder, name), { recursive: true });
};

const runPetit = async (dir: string, args: readonly string[]): Promise<void> => {
  const child = Bun.spawn([...petitCommand(), ...args], { cwd: dir, env: baseEnvironment(dir), stderr: "pipe" });
  const [status, log] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (status !== 0) throw new Error(`petit ${args.join(" ")} exited with ${status}: ${log}`);
};

/** Copies a database that nobody has open, with its log. */
const copyDatabase = (from: string, to: string): void => {
  for (const suffix of ["", "-wal"]) if (existsSync(`${from}${suffix}`)) cpSync(`${from}${suffix}`, `${to}${suffix}`);
};

type Compared = { readonly replaced: string; readonly copy: string; readonly dir: string };

const compareDatabases = ({ replaced, copy, dir }: Compared): Restore => {
  const after = readLedger(replaced, dir);
  const before = readLedger(copy, dir);
  const { attempts } = before;
  return {
    runs: new Set([...after.runs].filter((id) => !before.runs.has(id))),
    attempts: new Map([...after.attempts].filter(([id]) => !attempts.has(id)).map(([id, { key }]) => [id, key])),
    unfinished: new Set([...attempts.values()].filter(({ isRunning }) => isRunning).map(({ key }) => key)),
  };
};

type Ledger = {
  readonly runs: ReadonlySet<string>;
  readonly attempts: ReadonlyMap<number, { readonly key: string; readonly isRunning: boolean }>;
};

const ATTEMPTS = `SELECT a.id, a.status, runs.id || ' ' || task_id || ' ' || iif(item < 0, '-', item) || ' ' || attempt AS key
  FROM attempts AS a JOIN runs ON runs.seq = run`;

/** Reads a copy, because opening a database moves its log into it. */
const readLedger = (path: string, dir: string): Ledger => {
  const file = join(dir, "read.db");
  copyDatabase(path, file);
  const db = new Database(file);
  const ledger = {
    runs: new Set(rows(db, "SELECT id FROM runs").map(({ id }) => String(id))),
    attempts: new Map(
      rows(db, ATTEMPTS).map(({ id, key, status }) => [
        Number(id),
        { key: String(key), isRunning: status === "running" },
      ]),
    ),
  };
  db.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  return ledger;
};
