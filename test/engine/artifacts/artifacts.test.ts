import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Job } from "../../../src/domain/job.ts";
import { readJobFile } from "../../../src/jobfile/read/job-file.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { gate } from "../../support/engine/gate.ts";
import { type Finished, type StartedEngine, startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { isDeno } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Reads a job of one task, `make`, that runs in `folder`. */
const jobIn = (folder: string, fields: string, jobFields = ""): Job => {
  const text = `id: j\n${jobFields}\ntasks:\n  - {id: make, type: shell, working_dir: ${folder}, ${fields}}\n`;
  const read = readJobFile({ file: "j.yaml", folder: "/", text });
  const [job] = read.jobs;
  if (job === undefined) throw new Error(JSON.stringify(read.problems));
  return job;
};

/** Returns the names of folders that wait to be deleted. */
const oldFolders = (petit: StartedEngine): readonly string[] =>
  readdirSync(join(petit.dir, "spool")).filter((name) => name.startsWith("free-old-") || name.startsWith("removed-"));

/** Returns the paths and contents of the stored artifacts of a run. Checks that each is as listed. */
const kept = (petit: StartedEngine, { run }: Pick<Finished, "run">): Readonly<Record<string, string>> => {
  const listed = petit.store.artifacts.list(run.id);
  const contents = listed.map(({ path, sizeBytes, sha256 }) => {
    const bytes = readFileSync(join(petit.dir, "artifacts", run.id, path));
    expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([sizeBytes, sha256]);
    return [path, bytes.toString()];
  });
  return Object.fromEntries(contents);
};

/** Returns the paths of all files below the folder of artifacts, without the ids of runs. */
const filesOn = (petit: Pick<StartedEngine, "dir">): readonly string[] =>
  readdirSync(join(petit.dir, "artifacts"), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).replace(/^.*\/artifacts\/[^/]*\//, ""))
    .sort();

describe("artifacts", () => {
  test("are the files that match a pattern, and those in $PETIT_ARTIFACTS", async () => {
    using work = tempDir();
    const script =
      "mkdir -p out/deep; echo 1 > out/a.csv; echo 2 > out/b.txt; echo 3 > out/deep/c.csv; echo 4 > report.html; " +
      'mkdir "$PETIT_ARTIFACTS/sub"; echo 5 > "$PETIT_ARTIFACTS/sub/own"; echo 6 > "$PETIT_ARTIFACTS/report.html"';
    const job = jobIn(work.path, `artifacts: ["out/*.csv", report.html, missing.txt], script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect(finished.summary).toBe("make completed");
    // The file in $PETIT_ARTIFACTS wins over one with the same path in the working directory.
    expect(kept(petit, finished)).toEqual({
      "make/out/a.csv": "1\n",
      "make/report.html": "6\n",
      "make/sub/own": "5\n",
    });
    const { mode } = statSync(join(petit.dir, "artifacts"));
    expect((mode & 0o777).toString(8)).toBe("700");
    expect(filesOn(petit)).toEqual(["make/out/a.csv", "make/report.html", "make/sub/own"]);
    await waitFor(() => petit.spooled.length === 0);
  });

  // Deno does not list names that are not UTF-8.
  test.skipIf(isDeno)("are kept if their names are not UTF-8, which percent-encoding shows", async () => {
    using work = tempDir();
    const script = `f=$(printf "a\\\\377%%"); mkdir -p "out/$f"; echo 1 > "out/$f/$f.txt"; echo 2 > "$PETIT_ARTIFACTS/$f"; echo 3 > out/�`;
    const job = jobIn(work.path, `artifacts: ["out/**"], script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect(finished.summary).toBe("make completed");
    expect(kept(petit, finished)).toEqual({
      "make/a%FF%25": "2\n",
      "make/out/a%FF%25/a%FF%25.txt": "1\n",
      "make/out/�": "3\n",
    });
    await waitFor(() => petit.spooled.length === 0);
  });

  describe("that are very deep", () => {
    const deep = "mkdir -p $d; cd -P $d; ";
    const script = `d=$(printf "d/%.0s" $(seq 1000)); cd "$PETIT_ARTIFACTS"; ${deep.repeat(3)}`;

    test("are deleted with the spool", async () => {
      using work = tempDir();
      await using petit = await startEngine({ jobs: [jobIn(work.path, `script: '${script}'`)] });
      await petit.run("j");
      await waitFor(() => petit.spooled.length === 0 && oldFolders(petit).length === 0);
    });

    test("are left to the next start when petit stops, because to delete them takes long", async () => {
      using work = tempDir();
      using dir = tempDir();
      const first = await startEngine({ dir: dir.path, jobs: [jobIn(work.path, `script: '${script}'`)] });
      await first.run("j");
      await first.stop("drain");
      expect(oldFolders(first)).toHaveLength(1);
      await using second = await startEngine({ dir: dir.path });
      await waitFor(() => oldFolders(second).length === 0);
    });
  });

  test("leave no folder if there are none", async () => {
    using work = tempDir();
    await using petit = await startEngine({ jobs: [jobIn(work.path, `script: 'test -d "$PETIT_ARTIFACTS"'`)] });
    expect((await petit.run("j")).summary).toBe("make completed");
    expect(existsSync(join(petit.dir, "artifacts"))).toBe(false);
    expect(petit.spooled).toEqual([]);
  });

  test.each([
    ["a failure", "echo r > report; exit 3", "", "make failed(exit_code)"],
    ["a skip", "echo r > report; exit 99", "skip_exit_codes: [99], ", "make skipped(skipped_by_exit)"],
  ])("are kept after %s", async (_, script, fields, summary) => {
    using work = tempDir();
    const job = jobIn(work.path, `${fields}artifacts: [report], script: '${script}'`);
    await using petit = await startEngine({ jobs: [job], settings: { killGraceMs: 0 } });
    const finished = await petit.run("j");
    expect(finished.summary).toBe(summary);
    expect(kept(petit, finished)).toEqual({ "make/report": "r\n" });
  });

  test("are kept after a timeout", async () => {
    using work = tempDir();
    using door = gate();
    const clock = new FakeClock();
    const job = jobIn(work.path, `timeout: 1m, artifacts: [report], script: 'echo r > report; ${door.wait}'`);
    await using petit = await startEngine({ clock, jobs: [job], settings: { killGraceMs: 0 } });
    const { id } = await petit.trigger("j");
    await door.reached();
    await clock.pass(60_000);
    const finished = await clock.passUntil(petit.ended(id));
    expect(finished.summary).toBe("make failed(timeout)");
    expect(kept(petit, finished)).toEqual({ "make/report": "r\n" });
  });

  test("are those of the newest attempt", async () => {
    using work = tempDir();
    const script =
      'echo "$PETIT_ATTEMPT" > "$PETIT_ARTIFACTS/$PETIT_ATTEMPT"; echo "$PETIT_ATTEMPT" > "$PETIT_ARTIFACTS/n"; [ "$PETIT_ATTEMPT" = 2 ]';
    const job = jobIn(work.path, `retry: {max_attempts: 2}, script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect(kept(petit, finished)).toEqual({ "make/2": "2\n", "make/n": "2\n" });
    expect(filesOn(petit)).toEqual(["make/2", "make/n"]);
    expect(petit.store.artifacts.list(finished.run.id).map(({ attempt }) => attempt)).toEqual([2, 2]);
  });

  test("of items are in folders that are named safely after their keys", async () => {
    using work = tempDir();
    const keys = '["a/b", "..", "%2E.", "über", " x", ".hidden", "a%2Fb"]';
    const job = jobIn(work.path, `foreach: ${keys}, script: 'echo "$PETIT_ITEM_KEY" > "$PETIT_ARTIFACTS/key"'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect(kept(petit, finished)).toEqual({
      "make/a%2Fb/key": "a/b\n",
      "make/%2E./key": "..\n",
      "make/%252E./key": "%2E.\n",
      "make/über/key": "über\n",
      "make/ x/key": " x\n",
      "make/%2Ehidden/key": ".hidden\n",
      "make/a%252Fb/key": "a%2Fb\n",
    });
    expect(petit.store.artifacts.find(finished.run.id, "make/a%2Fb/key")).toMatchObject({ item: 0, itemKey: "a/b" });
  });

  test("never come through a link, nor from outside of the working directory", async () => {
    using work = tempDir();
    using outside = tempDir();
    writeFileSync(outside.file("secret.csv"), "secret");
    const script =
      `mkdir out; ln -s ${outside.path}/secret.csv out/link.csv; ln -s ${outside.path} dir; ln -s ${outside.path} out/dir; ` +
      `mkfifo out/pipe.csv; echo 1 > out/real.csv; rmdir "$PETIT_ARTIFACTS"; ln -s ${outside.path} "$PETIT_ARTIFACTS"`;
    const patterns = '["**/*.csv", "dir/*.csv", "dir", "dir/secret.csv", "out/dir/secret.csv", "out/link.csv", "."]';
    await using petit = await startEngine({
      jobs: [jobIn(work.path, `artifacts: ${patterns}, script: '${script}'`)],
    });
    const finished = await petit.run("j");
    expect(finished.summary).toBe("make completed");
    expect(kept(petit, finished)).toEqual({ "make/out/real.csv": "1\n" });
    expect(readdirSync(outside.path)).toEqual(["secret.csv"]);
  });

  test("do not come from a folder that replaced the working directory", async () => {
    using work = tempDir();
    using outside = tempDir();
    writeFileSync(outside.file("secret.csv"), "secret");
    mkdirSync(work.file("in"));
    const script = `mv ../in ../old; ln -s ${outside.path} ../in`;
    const job = jobIn(work.file("in"), `artifacts: ["*.csv"], script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect([finished.summary, kept(petit, finished)]).toEqual(["make completed", {}]);
  });

  test("include no files of the spool and of artifacts themselves", async () => {
    using shared = tempDir();
    const job = jobIn(shared.path, `artifacts: ["**/f"], script: 'echo 1 > f; echo 2 > "$PETIT_ARTIFACTS/f2"'`);
    await using petit = await startEngine({ dir: shared.path, jobs: [job] });
    for (let run = 0; run < 3; run++)
      expect(kept(petit, await petit.run("j"))).toEqual({ "make/f": "1\n", "make/f2": "2\n" });
  });

  test("of a file that grows are a part of it, with the digest of what is stored", async () => {
    using work = tempDir();
    // The writer goes on after the task has ended.
    const script =
      "head -c 3000000 /dev/zero > log; (while [ -e log ]; do head -c 100000 /dev/zero; done >> log) >/dev/null 2>&1 & ";
    const job = jobIn(work.path, `artifacts: [log], script: '${script}'`);
    await using petit = await startEngine({ jobs: [job] });
    const finished = await petit.run("j");
    expect(finished.summary).toBe("make completed");
    const contents = kept(petit, finished);
    expect(contents["make/log"]?.length).toBeGreaterThanOrEqual(3_000_000);
    renameSync(work.file("log"), work.file("gone"));
  });
});

describe("an attempt fails", () => {
  test("if the artifacts of its run exceed the limit, and leaves nothing", async () => {
    using work = tempDir();
    const script =
      'head -c 600 /dev/zero > "$PETIT_ARTIFACTS/a"; head -c 600 /dev/zero > "$PETIT_ARTIFACTS/b"; echo k=v > "$PETIT_OUTPUT"';
    await using petit = await startEngine({
      jobs: [jobIn(work.path, `script: '${script}'`)],
      settings: { artifactLimitBytes: 1024 },
    });
    const finished = await petit.run("j");
    expect(finished.summary).toBe("make failed(artifacts_failed)");
    expect(finished.tasks.make?.error).toMatch(
      /^its artifacts could not be kept: [ab] \(600 bytes\) exceeds artifact_limit, which is 1KiB for a run; 600 bytes of it are used$/,
    );
    expect([kept(petit, finished), filesOn(petit)]).toEqual([{}, []]);
  });

  test("if the artifacts of all items together exceed the limit, also when they end together", async () => {
    using work = tempDir();
    const script = 'head -c 100 /dev/zero > "$PETIT_ARTIFACTS/a"';
    await using petit = await startEngine({
      jobs: [jobIn(work.path, `foreach: {range: [1, 8]}, script: '${script}'`)],
      settings: { artifactLimitBytes: 350, maxTasks: 8 },
    });
    const finished = await petit.run("j");
    expect(Object.keys(kept(petit, finished))).toHaveLength(3);
    const failed = petit.store.runs.listItems({ runId: finished.run.id, taskId: "make" as never, status: "failed" });
    expect(new Set(failed.map(({ reason }) => reason))).toEqual(new Set(["artifacts_failed"]));
    expect(failed).toHaveLength(5);
  });

  test("keeps its own reason, and names what happened to its artifacts", async () => {
    using work = tempDir();
    await using petit = await startEngine({
      jobs: [jobIn(work.path, `script: 'echo 12 > "$PETIT_ARTIFACTS/a"; exit 3'`)],
      settings: { artifactLimitBytes: 2 },
    });
    const { tasks } = await petit.run("j");
    expect(tasks.make).toMatchObject({ reason: "exit_code", exitCode: 3 });
    expect(tasks.make?.error).toStartWith(
      "exit code 3; its artifacts could not be kept: a (3 bytes) exceeds artifact_limit",
    );
  });

  test("before a file is read that is larger than the limit", async () => {
    using work = tempDir();
    writeFileSync(work.file("huge"), "");
    truncateSync(work.file("huge"), 2 ** 42);
    await using petit = await startEngine({ jobs: [jobIn(work.path, `artifacts: [huge], script: 'true'`)] });
    const { summary, tasks } = await petit.run("j");
    expect(summary).toBe("make failed(artifacts_failed)");
    expect(tasks.make?.error).toContain("huge (4.0 TiB) exceeds artifact_limit, which is 1GiB for a run");
  });

  test("and a later one that completes replaces nothing by nothing", async () => {
    using work = tempDir();
    const script = '[ "$PETIT_ATTEMPT" = 2 ] || head -c 600 /dev/zero > "$PETIT_ARTIFACTS/a"';
    await using petit = await startEngine({
      jobs: [jobIn(work.path, `retry: {max_attempts: 1}, script: '${script}'`)],
      settings: { artifactLimitBytes: 100 },
    });
    const finished = await petit.run("j");
    expect(finished.attempts.map(({ reason }) => reason)).toEqual(["artifacts_failed", null]);
    expect(finished.summary).toBe("make completed");
  });
});

describe("the next start", () => {
  test("collects the artifacts of an attempt that ended while petit was down", async () => {
    using shared = tempDir();
    using hold = gate();
    const job = jobIn(
      shared.path,
      `artifacts: ["out/*"], script: '${hold.wait}; mkdir out; echo 1 > out/a; echo 2 > "$PETIT_ARTIFACTS/b"'`,
    );
    const before = await startEngine({ dir: shared.path, jobs: [job] });
    const { id } = await before.trigger("j");
    await hold.reached();
    await before.stop("leave");
    hold.open();
    await waitFor(() => existsSync(shared.file("out/a")));
    await using petit = await startEngine({ dir: shared.path, jobs: [] });
    const finished = await petit.ended(id);
    expect(kept(petit, finished)).toEqual({ "make/b": "2\n", "make/out/a": "1\n" });
  });

  test("removes what was not complete, files that no run lists, and folders of runs that are gone", async () => {
    using shared = tempDir();
    const job = jobIn(shared.path, `script: 'echo 1 > "$PETIT_ARTIFACTS/a"'`);
    const before = await startEngine({ dir: shared.path, jobs: [job] });
    const { run } = await before.run("j");
    await before.stop("leave");
    const plant = (path: string): void => {
      const file = join(shared.path, "artifacts", path);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, "left over");
    };
    plant(".new/7/out/a");
    plant(`${run.id}/make/orphan`);
    plant(`${run.id}/other/orphan`);
    plant("019b76da-a800-7c3e-8f2b-5d1c9a7e4f60/make/a");
    plant("notes.txt");
    symlinkSync("/etc", join(shared.path, "artifacts", run.id, "make", "link"));
    await using petit = await startEngine({ dir: shared.path, jobs: [job] });
    // What is removed first gets another name, and then its files are deleted.
    const isRemoved = (): boolean =>
      readdirSync(join(shared.path, "artifacts")).length === 2 &&
      ["make/orphan", "make/link", "other"].every((path) => !existsSync(join(shared.path, "artifacts", run.id, path)));
    await waitFor(isRemoved);
    expect(readdirSync(join(shared.path, "artifacts")).sort()).toEqual([run.id, "notes.txt"]);
    expect(kept(petit, { run })).toEqual({ "make/a": "1\n" });
  });
});

describe("retention", () => {
  test("deletes the artifacts of a run with it", async () => {
    using work = tempDir();
    const job = jobIn(work.path, `script: 'echo 1 > "$PETIT_ARTIFACTS/a"'`, "retention: {runs: 1}");
    await using petit = await startEngine({ jobs: [job] });
    const [first, second] = [await petit.run("j"), await petit.run("j")];
    await waitFor(() => !existsSync(join(petit.dir, "artifacts", first.run.id)));
    expect(petit.store.runs.find(first.run.id)).toBeNull();
    expect(kept(petit, second)).toEqual({ "make/a": "1\n" });
    expect(petit.store.artifacts.getTotals()).toEqual({ count: 1, bytes: 2 });
  });
});
