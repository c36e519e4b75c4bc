import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { removeFolder } from "../../src/app/git/checkout.ts";
import { startWithRepository } from "../support/git/petit.ts";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import type { Petit } from "../support/petit/petit.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const READ = `id: read
tasks: [{id: say, type: shell, working_dir: ., script: "cat n.txt; sh n.sh; ls | tr '\\n' ' '"}]
`;

const RIGHT = "good\nscript\nn.sh n.txt read.yaml ";

const FILES = { "jobs/read.yaml": READ, "jobs/n.txt": "good\n", "jobs/n.sh": "echo script\n" };

const linesOf = async (petit: Petit, runId: string): Promise<string> =>
  await (await petit.fetch(`/api/runs/${runId}/logs`)).text();

/** Returns the folder of the job files of the commit in use. */
const folderOf = async (petit: Petit): Promise<string> =>
  join(petit.dir, "petit.db-git/commits", (await ask(petit, "/api/job-repository")).body.commit.id, "jobs");

const allow = (...paths: readonly string[]): void => {
  for (const path of paths) chmodSync(path, 0o755);
};

const CHANGES: readonly (readonly [string, (folder: string) => void])[] = [
  [
    "written in place, with the time and the mode of before",
    (folder) => {
      const path = join(folder, "n.txt");
      const { atime, mtime } = statSync(path);
      allow(path);
      writeFileSync(path, "EVIL\n");
      utimesSync(path, atime, mtime);
      chmodSync(path, 0o444);
    },
  ],
  [
    "added",
    (folder) => {
      allow(folder);
      writeFileSync(join(folder, "more.txt"), "EVIL");
    },
  ],
  [
    "deleted",
    (folder) => {
      allow(folder);
      rmSync(join(folder, "n.sh"), { force: true });
    },
  ],
  ["open to everybody", (folder) => chmodSync(join(folder, "n.sh"), 0o777)],
  ["gone with its folder", (folder) => removeFolder(join(folder, ".."))],
];

describe("the files of a commit", () => {
  test.each(CHANGES)("are as the commit is for the next attempt after one was %s", async (_, change) => {
    await using petit = await startWithRepository(FILES);
    const folder = await folderOf(petit);
    expect(await linesOf(petit, (await runToEnd(petit, "read")).id)).toBe(RIGHT);
    const { ino } = lstatSync(folder);
    await runToEnd(petit, "read");
    // It is not written again while nothing changes.
    expect(lstatSync(folder).ino).toBe(ino);
    change(folder);
    const run = await runToEnd(petit, "read");
    expect(run.status).toBe("completed");
    expect(await linesOf(petit, run.id)).toBe(RIGHT);
    expect(lstatSync(join(folder, "n.sh")).mode & 0o777).toBe(0o444);
  });

  test("are right for the next task of the run that changed them, while another run goes on with what it has", async () => {
    await using petit = await startWithRepository({
      ...FILES,
      "jobs/change.yaml": `id: change
tasks:
  - {id: first, type: shell, working_dir: ., script: "chmod u+w . n.txt; echo EVIL > n.txt"}
  - {id: then, type: shell, working_dir: ., script: "cat n.txt", depends_on: [first]}
`,
      "jobs/stay.yaml": `id: stay
tasks: [{id: say, type: shell, working_dir: ., script: "echo begun; while [ ! -e ../../../../go ]; do sleep 0.05; done; cat read.yaml; pwd"}]
`,
    });
    const staying = await start(petit, "stay");
    await eventually("the other run has begun", async () =>
      (await linesOf(petit, staying)).includes("begun") ? true : null,
    );
    const run = await runToEnd(petit, "change");
    expect(await linesOf(petit, run.id)).toContain("good");
    await post(petit, "/api/jobs/sync");
    writeFileSync(join(petit.dir, "go"), "");
    expect((await endOf(petit, staying)).status).toBe("completed");
    expect(await linesOf(petit, staying)).toContain("id: read");
    await post(petit, "/api/jobs/sync");
    const commits = join(petit.dir, "petit.db-git/commits");
    expect(readdirSync(commits)).toEqual([(await ask(petit, "/api/job-repository")).body.commit.id]);
    expect(petit.stderr()).toContain("somebody changed the files of a commit");
    const { items } = (await ask(petit, "/api/attention")).body;
    expect(items).toMatchObject([{ kind: "commit_files_changed", severity: "warning", count: 1 }]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });

  test("are gone when a retry that needed them has ended, at the next look at the repository, also one that fails", async () => {
    await using petit = await startWithRepository({
      "jobs/fail.yaml": "id: fail\ntasks: [{id: a, type: shell, script: exit 1}]\n",
    });
    const { origin } = petit;
    const commits = join(petit.dir, "petit.db-git/commits");
    const run = await runToEnd(petit, "fail");
    const now = origin.push({ "note.txt": "later" });
    await post(petit, "/api/jobs/sync");
    expect(readdirSync(commits)).toEqual([now]);
    for (const look of [() => {}, () => renameSync(origin.path, `${origin.path}.away`)]) {
      const { body } = await post(petit, `/api/runs/${run.id}/retry`);
      expect(readdirSync(commits).sort()).toEqual([now, run.commit ?? ""].sort());
      expect(await endOf(petit, body.run_id)).toMatchObject({ status: "failed", commit: run.commit });
      look();
      await post(petit, "/api/jobs/sync");
      expect(readdirSync(commits)).toEqual([now]);
    }
  });

  test("are not changed by Python, which would leave compiled modules there", async () => {
    await using petit = await startWithRepository({
      "jobs/read.yaml": "id: read\ntasks: [{id: say, type: python, script: ../main.py, working_dir: .}]\n",
      "main.py": "import module\nprint(module.TEXT)\n",
      "module.py": "TEXT = 'good'\n",
    });
    const folder = join(await folderOf(petit), "..");
    const run = await runToEnd(petit, "read");
    expect(await linesOf(petit, run.id)).toContain("good");
    expect(readdirSync(folder).sort()).toEqual(["jobs", "main.py", "module.py"]);
    expect(readFileSync(join(folder, "module.py"), "utf8")).toContain("good");
  });
});
