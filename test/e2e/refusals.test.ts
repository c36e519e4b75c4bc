import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMount, digests, smallDisk } from "../support/engine/faults.ts";
import { start } from "../support/petit/api.ts";
import { petitCommand, startPetit } from "../support/petit/petit.ts";
import { endOf } from "../support/torture/run.ts";

const JOB = { "a.yaml": "id: a\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n" };

type Refusal = { readonly status: number | null; readonly stderr: string; readonly tookMs: number };

/** Starts petit, which must refuse to start, on a folder with a database and jobs. */
const startRefused = async (dir: string, args: readonly string[] = []): Promise<Refusal> => {
  mkdirSync(join(dir, "jobs"), { recursive: true });
  writeFileSync(join(dir, "jobs", "a.yaml"), JOB["a.yaml"]);
  const startedAt = performance.now();
  const command = [
    ...petitCommand(),
    "run",
    join(dir, "jobs"),
    "--db",
    join(dir, "petit.db"),
    "--api-port",
    "0",
    ...args,
  ];
  const env = { PATH: process.env.PATH ?? "", HOME: dir };
  const child = Bun.spawn(command, { cwd: dir, env, stdout: "ignore", stderr: "pipe" });
  const deadline = setTimeout(() => child.kill("SIGKILL"), 8_000);
  const stderr = await new Response(child.stderr).text();
  await child.exited;
  clearTimeout(deadline);
  return { status: child.exitCode, stderr, tookMs: performance.now() - startedAt };
};

/** As startRefused, but tries up to three times until the refusal comes within a second, because the machine may be busy. */
const startRefusedSoon = async (dir: string, args: readonly string[] = []): Promise<Refusal> => {
  let refusal = await startRefused(dir, args);
  for (let tries = 1; tries < 3 && refusal.tookMs >= 1_000; tries++) refusal = await startRefused(dir, args);
  return refusal;
};

const inFolder = async (work: (dir: string) => Promise<void>): Promise<void> => {
  const dir = mkdtempSync(join(tmpdir(), "petit-refusals-"));
  try {
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

/** Creates a database of a petit that was killed after a run. Much of it is only in the write-ahead log. */
const makeKilledDatabase = async (dir: string): Promise<void> => {
  const petit = await startPetit({ dir, jobs: JOB });
  await endOf(petit, await start(petit, "a"));
  await petit.kill();
};

const foreign = (path: string, journalMode: string): Database => {
  const db = new Database(path);
  db.run(`PRAGMA journal_mode = ${journalMode}`);
  db.run("CREATE TABLE notes (text TEXT)");
  db.run("INSERT INTO notes VALUES ('mine')");
  return db;
};

/** Copies a database with its write-ahead log, as a power loss leaves it. */
const copyWithLog = (from: string, to: string): void => {
  for (const suffix of ["", "-wal", "-journal"])
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
};

/** Moves everything from the write-ahead log to the file. */
const checkpoint = (path: string): void => {
  const db = new Database(path);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
};

const rootPage = (path: string, table: string): number => {
  const db = new Database(path, { readonly: true });
  const row = db.query<{ rootpage: number }, [string]>("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table);
  db.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  return row?.rootpage ?? 0;
};

const overwrite = (path: string, offset: number, length: number): void => {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, offset, offset + length);
  writeFileSync(path, bytes);
};

const UNUSABLE: Readonly<Record<string, { make(dir: string, path: string): void | Promise<void>; says: RegExp }>> = {
  "a text file": {
    make: (_, path) => writeFileSync(path, "dear diary, ".repeat(1_000)),
    says: /not a database/,
  },
  "a foreign database": {
    make: (_, path) => foreign(path, "DELETE").close(),
    says: /not a petit database/,
  },
  "a foreign database with a write-ahead log": {
    make: (dir, path) => {
      const other = foreign(join(dir, "other.db"), "WAL");
      copyWithLog(join(dir, "other.db"), path);
      other.close();
    },
    says: /not a petit database/,
  },
  "a foreign database in the middle of a transaction": {
    make: (dir, path) => {
      const other = foreign(join(dir, "other.db"), "DELETE");
      other.run("PRAGMA cache_size = 1");
      other.run("BEGIN");
      for (let row = 0; row < 200; row++) other.run("INSERT INTO notes VALUES (hex(randomblob(500)))");
      copyWithLog(join(dir, "other.db"), path);
      other.run("ROLLBACK");
      other.close();
    },
    says: /petit\.db/,
  },
  "a database of a newer petit with a write-ahead log": {
    make: async (dir, path) => {
      await makeKilledDatabase(dir);
      const db = new Database(path);
      const { user_version } = db.query<{ user_version: number }, []>("PRAGMA user_version").get() ?? {
        user_version: 0,
      };
      db.run(`PRAGMA user_version = ${user_version + 1}`);
      copyWithLog(path, join(dir, "copy"));
      db.close();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
      copyWithLog(join(dir, "copy"), path);
    },
    says: /newer petit/,
  },
  "a truncated petit database": {
    make: async (dir, path) => {
      await makeKilledDatabase(dir);
      checkpoint(path);
      truncateSync(path, 8_192);
    },
    says: /malformed|corrupt|cut/,
  },
  "a petit database with a damaged first page": {
    make: async (dir, path) => {
      await makeKilledDatabase(dir);
      checkpoint(path);
      overwrite(path, 100, 3_000);
    },
    says: /malformed|corrupt/,
  },
  "a petit database with damaged runs": {
    make: async (dir, path) => {
      await makeKilledDatabase(dir);
      checkpoint(path);
      overwrite(path, (rootPage(path, "runs") - 1) * 4_096, 4_096);
    },
    says: /damaged/,
  },
  "a file of zeros": {
    make: (_, path) => writeFileSync(path, new Uint8Array(8_192)),
    says: /not a database/,
  },
  "a folder": {
    make: (_, path) => mkdirSync(path),
    says: /petit\.db/,
  },
};

describe("petit run exits with 2, prints the reason, and changes no byte of", () => {
  for (const [what, { make, says }] of Object.entries(UNUSABLE)) {
    test(what, () =>
      inFolder(async (dir) => {
        const path = join(dir, "petit.db");
        await make(dir, path);
        const isFile = what !== "a folder";
        const before = isFile ? digests(path) : null;
        const refusal = await startRefused(dir);
        expect(refusal).toMatchObject({ status: 2, stderr: expect.stringMatching(says) });
        if (isFile) expect(digests(path)).toEqual(before ?? {});
      }),
    );
  }

  test("a pipe, without blocking", () =>
    inFolder(async (dir) => {
      Bun.spawnSync(["mkfifo", join(dir, "petit.db")]);
      expect(await startRefused(dir)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining("is not a regular file"),
      });
    }));

  for (const hasLock of [true, false]) {
    test.skipIf(!canMount)(
      `a database on a disk that can only be read${hasLock ? "" : ", where petit never was"}`,
      () =>
        inFolder(async (dir) => {
          const mountPoint = join(dir, "disk");
          mkdirSync(mountPoint);
          using disk = smallDisk(mountPoint, 4 * 2 ** 20);
          await makeKilledDatabase(mountPoint);
          if (!hasLock) rmSync(join(mountPoint, "petit.db-lock"));
          disk.protect();
          const before = digests(join(mountPoint, "petit.db"));
          const refusal = await startRefused(dir, ["--db", join(mountPoint, "petit.db")]);
          expect(refusal).toMatchObject({ status: 2, stderr: expect.stringMatching(/read-?only/i) });
          expect(digests(join(mountPoint, "petit.db"))).toEqual(before);
        }),
    );
  }
});

describe("petit run exits with 4 within a second", () => {
  test("if another petit uses the database, and names it", () =>
    inFolder(async (dir) => {
      await using petit = await startPetit({ dir, jobs: JOB });
      const refusal = await startRefusedSoon(dir);
      expect(refusal).toMatchObject({
        status: 4,
        stderr: expect.stringContaining(`process ${petit.pid} (${petit.url})`),
      });
      expect(refusal.tookMs).toBeLessThan(1_000);
    }));

  test("if another program has locked the database, and names it", () =>
    inFolder(async (dir) => {
      await makeKilledDatabase(dir);
      const db = new Database(join(dir, "petit.db"));
      db.run("BEGIN IMMEDIATE");
      const refusal = await startRefusedSoon(dir);
      db.close();
      expect(refusal).toMatchObject({ status: 4, stderr: expect.stringContaining(`process ${process.pid}`) });
      expect(refusal.tookMs).toBeLessThan(1_000);
    }));

  test("if the port is taken, before it does anything", () =>
    inFolder(async (dir) => {
      using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
      const refusal = await startRefusedSoon(dir, ["--api-port", String(server.port)]);
      expect(refusal).toMatchObject({ status: 4, stderr: expect.stringContaining(`127.0.0.1:${server.port}`) });
      expect(refusal.tookMs).toBeLessThan(1_000);
    }));
});
