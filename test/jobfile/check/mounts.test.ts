import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { OwnFolders } from "../../../src/jobfile/mount.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Returns the problems of a job whose container mounts paths below a folder with petit's database, job files, and a link to it. */
const problemsOf = async (task: (dir: string) => string): Promise<readonly string[]> => {
  using temp = tempDir();
  const dir = temp.path;
  for (const folder of ["petit/petit.db-spool", "petit/jobs/sub", "work"])
    mkdirSync(`${dir}/${folder}`, { recursive: true });
  symlinkSync(`${dir}/petit`, `${dir}/link`);
  symlinkSync("../work", `${dir}/petit/way`);
  writeFileSync(`${dir}/petit/jobs/a.yaml`, `id: a\ntasks:\n  - {id: t, type: shell, script: x, ${task(dir)}}\n`);
  const ownFolders: OwnFolders = {
    state: [
      { what: "database", path: `${dir}/petit` },
      { what: "spool", path: `${dir}/petit/petit.db-spool` },
      { what: "artifacts", path: `${dir}/petit/petit.db-artifacts` },
    ],
    jobs: `${dir}/petit/jobs`,
  };
  const { problems } = await readJobsDir(`${dir}/petit/jobs`, {
    queues: null,
    hasWorkers: true,
    ownFolders,
    privileges: null,
  });
  return problems.map(({ path, message }) => `${path}: ${message.replaceAll(dir, "DIR")}`);
};

const volumes = (...texts: readonly string[]): string => `container: {image: x, volumes: ${JSON.stringify(texts)}}`;

const OTHER = "expected a path that a container may reach";

test.each([
  ["..", `DIR/petit is the folder of petit's database; ${OTHER}`],
  ["../..", `DIR contains the folder of petit's database, DIR/petit; ${OTHER}`],
  ["../../work/../petit", `DIR/petit is the folder of petit's database; ${OTHER}`],
  ["../../link", `DIR/link leads to DIR/petit, which is the folder of petit's database; ${OTHER}`],
  [
    "../../link/petit.db-spool",
    `DIR/link/petit.db-spool leads to DIR/petit/petit.db-spool, which is the folder of petit's spool; ${OTHER}`,
  ],
  [
    "../petit.db-spool/7",
    `DIR/petit/petit.db-spool/7 lies in the folder of petit's spool, DIR/petit/petit.db-spool; ${OTHER}`,
  ],
  ["../petit.db-artifacts", `DIR/petit/petit.db-artifacts is the folder of petit's artifacts; ${OTHER}`],
  ["../petit.db", `DIR/petit/petit.db lies in the folder of petit's database, DIR/petit; ${OTHER}`],
  ["../other", `DIR/petit/other lies in the folder of petit's database, DIR/petit; ${OTHER}`],
  ["/", `/ contains the folder of petit's database, DIR/petit; ${OTHER}`],
])("a container that mounts %s is refused where it stands", async (path, message) => {
  expect(await problemsOf(() => `working_dir: ${path}, container: x`)).toEqual([`tasks[0].working_dir: ${message}`]);
  expect(await problemsOf(() => volumes("data:/data", `${path.replace(/^(?!\/)/, "./")}:/x:ro`))).toEqual([
    `tasks[0].container.volumes[1]: ${message}`,
  ]);
});

test.each([
  ["no folder", () => "container: x"],
  ["a folder elsewhere", () => "working_dir: ../../work, container: x"],
  ["a link to a folder elsewhere", () => "working_dir: ../way, container: x"],
  ["the folder of the job files", () => "working_dir: ., container: x"],
  ["a folder in it", () => volumes("./sub:/x", "./a.yaml:/y")],
  ["volumes of the engine", () => volumes("petit:/x", "/petit")],
  ["what a run decides", () => `working_dir: "\${{ run.id }}", ${volumes("${{ run.id }}:/x")}`],
  ["a folder of a worker", (dir: string) => `runs_on: gpu, working_dir: ${dir}/petit, container: x`],
])("a container that mounts %s is accepted", async (_, task) => {
  expect(await problemsOf(task)).toEqual([]);
});

test("a link on the way to the database may not be mounted either", async () => {
  using temp = tempDir();
  mkdirSync(temp.file("real"));
  mkdirSync(temp.file("jobs"));
  mkdirSync(temp.file("etc"));
  symlinkSync("../real", temp.file("etc/link"));
  const [job, ownFolders] = [temp.file("jobs/a.yaml"), { state: [], jobs: temp.file("jobs") }];
  writeFileSync(job, "id: a\ntasks:\n  - {id: t, type: shell, script: x, container: x, working_dir: ../etc}\n");
  const read = (path: string) =>
    readJobsDir(temp.file("jobs"), {
      queues: null,
      hasWorkers: true,
      ownFolders: { ...ownFolders, state: [{ what: "database", path }] },
      privileges: null,
    });
  expect((await read(temp.file("real"))).problems).toEqual([]);
  expect((await read(temp.file("etc/link"))).problems).toMatchObject([{ path: "tasks[0].working_dir" }]);
});

test("artifacts of a container that has no working_dir are refused", async () => {
  expect(await problemsOf(() => "container: x, artifacts: [out]")).toEqual([
    "tasks[0].artifacts: has no effect in a container without working_dir; expected a working_dir, or files in $PETIT_ARTIFACTS",
  ]);
});
