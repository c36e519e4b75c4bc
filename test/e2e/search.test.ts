import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMount, smallDisk } from "../support/engine/faults.ts";
import { ask, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

/** Prints 4 MB of lines that are hard to compress into an index, and a line that is searched for. */
const NOISE = `for n in $(seq 1000); do echo needle $n; done; od -An -v -tx1 -w40 -N 1500000 /dev/urandom`;
const JOBS = {
  "noise.yaml": `id: noise\nparams: {n: {default: "0"}}\ntasks: [{id: print, type: shell, script: "${NOISE}"}]\n`,
  "quick.yaml": `id: quick\ntasks: [{id: print, type: shell, script: "echo a quick needle"}]\n`,
};
const RUNS = 6;
const MIB = 2 ** 20;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "petit-search-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Stores runs without an index. */
const fill = async (at: string): Promise<void> => {
  const petit = await startPetit({ dir: at, jobs: JOBS, args: ["--no-watch", "--search-limit", "0"] });
  for (let run = 0; run < RUNS; run++) await runToEnd(petit, "noise");
  expect(existsSync(`${petit.dbPath}-search`)).toBe(false);
  await petit.stop();
};

type Page = {
  readonly lines: readonly { readonly run_id: string; readonly seq: number }[];
  readonly next: string | null;
  readonly complete: boolean;
  readonly index: { readonly building: boolean; readonly fault: string | null; readonly size_bytes: number };
};

const search = async (petit: Petit, query: string): Promise<Page> => {
  const { status, body } = await ask(petit, `/api/search?${query}`);
  expect([status, body.error]).toEqual([200, undefined]);
  return body;
};

/** Expects that a search finds each line once. */
const expectAll = async (petit: Petit, runs: number): Promise<void> => {
  const found = new Set<string>();
  let [count, before, isComplete] = [0, "", false];
  do {
    const page = await search(petit, `q=needle+&limit=500&context=0&job=noise${before}`);
    for (const { run_id, seq } of page.lines) found.add(`${run_id} ${seq}`);
    count += page.lines.length;
    before = page.next === null ? "" : `&before=${page.next}`;
    isComplete = page.complete;
  } while (before !== "");
  expect([found.size, count, isComplete]).toEqual([1_000 * runs, 1_000 * runs, true]);
};

/** Returns the process that writes the index, or null. */
const indexer = ({ pid }: Petit): number | null => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const isIndexer = (child: number): boolean => {
    try {
      return readFileSync(`/proc/${child}/cmdline`, "utf8").includes('{"kind":"index"');
    } catch {
      return false;
    }
  };
  return children.find(isIndexer) ?? null;
};

const isBuilt = (petit: Petit): Promise<true> =>
  eventually(
    "the index is built",
    async () => {
      const { building, fault } = (await search(petit, "q=needle&limit=1")).index;
      return building || fault !== null ? null : true;
    },
    60_000,
  );

describe("the index", () => {
  test("survives kill -9 of its process and of petit while it is built, and nothing is lost or found twice", async () => {
    await fill(dir);
    const petit = await startPetit({ dir, jobs: JOBS, args: ["--no-watch"] });
    const first = await eventually("the process that writes the index", () => indexer(petit), 30_000);
    await eventually("its first step", () => (existsSync(`${petit.dbPath}-search`) ? true : null), 30_000);
    process.kill(first, "SIGKILL");
    await expectAll(petit, RUNS);
    const { body } = await eventually("it needs attention", async () => {
      const answer = await ask(petit, "/api/attention");
      return answer.body.counts.search_index_failing === 1 ? answer : null;
    });
    expect(JSON.stringify(body)).toContain("the process that writes it has ended");
    await petit.kill();
    const again = await startPetit({ dir, jobs: JOBS, args: ["--no-watch"] });
    const second = await eventually("the process that writes the index", () => indexer(again), 30_000);
    await again.kill();
    // It notices that nobody reads what it says.
    await eventually("its end", () => (existsSync(`/proc/${second}`) ? null : true), 30_000);
    await using last = await startPetit({ dir, jobs: JOBS, args: ["--no-watch"] });
    await isBuilt(last);
    await expectAll(last, RUNS);
    expect((await ask(last, "/api/attention")).body.counts.search_index_failing).toBe(0);
    rmSync(`${last.dbPath}-search`);
    await expectAll(last, RUNS);
    await eventually("it is built again", () => (existsSync(`${last.dbPath}-search`) ? true : null), 60_000);
  }, 240_000);

  test.skipIf(!canMount)(
    "leaves the rest of a small disk to the database, says so, and is built when there is space",
    async () => {
      const mountPoint = join(dir, "disk");
      mkdirSync(mountPoint);
      using disk = smallDisk(mountPoint, 64 * MIB);
      const place = join(mountPoint, "petit");
      mkdirSync(place);
      await fill(place);
      const filler = join(mountPoint, "filler");
      writeFileSync(filler, Buffer.alloc(disk.freeBytes - 2.5 * MIB));
      // From source, Bun writes its cache to the home folder.
      await using petit = await startPetit({ dir: place, jobs: JOBS, args: ["--no-watch"], env: { HOME: dir } });
      const item = await eventually(
        "it needs attention",
        async () => {
          const { body } = await ask(petit, "/api/attention");
          return body.items.find(({ kind }: { readonly kind: string }) => kind === "search_index_failing") ?? null;
        },
        30_000,
      );
      expect(item).toMatchObject({ fault: "disk_full", error: expect.stringContaining("of the disk are free") });
      await expectAll(petit, RUNS);
      // The database goes on.
      await runToEnd(petit, "quick");
      const whileFull = await search(petit, "q=quick+needle");
      expect(whileFull.lines).toHaveLength(1);
      expect(whileFull.index).toMatchObject({ building: false, fault: "disk_full" });
      expect((await ask(petit, "/api/health")).body.status).toBe("ok");
      rmSync(filler);
      await eventually(
        "the item ends",
        async () => ((await ask(petit, "/api/attention")).body.counts.search_index_failing === 0 ? true : null),
        100_000,
      );
      await isBuilt(petit);
      await expectAll(petit, RUNS);
      expect((await search(petit, "q=needle&limit=1")).index.size_bytes).toBeGreaterThan(100_000);
    },
    240_000,
  );
});
