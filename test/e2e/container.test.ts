import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { basename } from "node:path";
import { IMAGE, type Podman, startPodman, whyNoPodman } from "../support/container/podman.ts";
import { post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, petitCommand, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { taskProcesses } from "../support/torture/processes.ts";
import { endOf, eventually, logOfFollower } from "../support/torture/run.ts";

const LINGERING = "sleep 1000 & echo ready; wait";

const jobsIn = (dir: string): string =>
  [
    `id: values
environment: {QUOTED: "it's \\"so\\"\\n$HOME", HOME: /nowhere}
tasks:
  - {id: first, type: shell, container: "${IMAGE}", working_dir: ${dir}/work, args: ["a b"], stdin: "one\\ntwo", script: "printf '%s|' \\"$QUOTED\\" $HOME $# \\"$1\\" $PETIT_TRIGGER $PWD; cat; echo text > file; echo 'rows=7' >> $PETIT_OUTPUT"}
  - {id: second, type: command, command: echo, depends_on: [first], args: ["\${{ tasks.first.outputs.rows }}"], container: {image: "${IMAGE}", pull: never, user: "1000:1000", memory: 64m, cpus: 0.5, network: none}}
  - {id: third, type: shell, depends_on: [second], artifacts: ["file"], working_dir: ${dir}/work, script: "id -u; cat /data/file; echo a=b >> $PETIT_OUTPUT; echo kept > $PETIT_ARTIFACTS/own", container: {image: "${IMAGE}", user: 1000, volumes: ["../work:/data:ro"]}}`,
    `id: petits-own\ntasks:\n  - {id: a, type: shell, container: "${IMAGE}", script: env}`,
    `id: lines
environment: {QUOTED: "it's \\"so\\"\\n\\n$HOME \`x\` \\\\ é"}
tasks:
  - id: a
    type: shell
    container: "${IMAGE}"
    script: |
${Array.from({ length: 200 }, (_, line) => `      N${line}=${line}`).join("\n")}
      head -c 10000000 /dev/zero | tr '\\0' x | fold -w 100
      printf '%s|' "$N199" "$QUOTED" >&2`,
    `id: alone
tasks:
  - id: a
    type: shell
    container: {image: "${IMAGE}", network: none}
    script: |
      pwd
      grep -v -e ' / ' -e ' /proc' -e ' /sys' -e ' /dev' -e ' /etc/' -e ' /run/' /proc/mounts | cut -d ' ' -f 2 | sort`,
    `id: job_files
tasks:
  - id: a
    type: shell
    working_dir: .
    container: {image: "${IMAGE}", volumes: ["./:/in", "..:/up"]}
    script: |
      ls
      for folder in . /in /up/jobs; do echo x > $folder/evil.yaml || echo refused; done
      mv /up/jobs /up/other || echo refused
      echo x > /up/allowed`,
    `id: state
params: {path: {required: true}}
tasks:
  - {id: a, type: shell, container: {image: "${IMAGE}", volumes: ["\${{ params.path }}:/x"]}, script: "echo ran; ls -R /x"}`,
    `id: state_folder
params: {path: {required: true}}
tasks:
  - {id: a, type: shell, container: "${IMAGE}", working_dir: "\${{ params.path }}", script: "echo ran; ls -R ."}`,
    `id: fails\ntasks:\n  - {id: a, type: shell, container: "${IMAGE}", script: exit 42}`,
    `id: told\ntriggers: [{type: run, job: fails, on: [failed]}]\ntasks:\n  - {id: a, type: shell, container: {image: "${IMAGE}", user: 1000}, script: "cat $PETIT_EVENT"}`,
    `id: no-image\ntasks:\n  - {id: a, type: shell, container: {image: "localhost/nothing:1", pull: never}, script: "true"}`,
    `id: lingering\nkill_grace: 10s\ntasks:\n  - {id: a, type: shell, container: "${IMAGE}", script: "${LINGERING}"}`,
    `id: timeout\ntasks:\n  - {id: a, type: shell, container: "${IMAGE}", timeout: 2s, script: "${LINGERING}"}`,
    `id: stubborn\nkill_grace: 200ms\ntasks:\n  - {id: a, type: shell, container: "${IMAGE}", script: "trap '' TERM; echo ready; sleep 1000; sleep 1000"}`,
  ].join("\n---\n");

const why = whyNoPodman();

describe.skipIf(why !== null)(`a task in a container${why === null ? "" : ` (${why})`}`, () => {
  const dir = tempDir();
  let podman: Podman;
  let petit: Petit;

  beforeAll(async () => {
    podman = startPodman(dir.path);
    mkdirSync(`${dir.path}/work`);
    mkdirSync(`${dir.path}/jobs`);
    await Bun.write(`${dir.path}/jobs/a.yaml`, jobsIn(dir.path));
    petit = await startPetit({ jobsDir: `${dir.path}/jobs`, env: podman.environment });
  });
  afterAll(async () => {
    await petit?.[Symbol.asyncDispose]();
    podman?.[Symbol.dispose]();
    dir[Symbol.dispose]();
  });

  const logOf = async (runId: string, query = ""): Promise<string> =>
    await (await petit.fetch(`/api/runs/${runId}/logs${query}`)).text();

  const ready = async (job: string): Promise<string> => {
    const runId = await start(petit, job);
    await eventually("the script is ready", async () => ((await logOf(runId)).includes("ready") ? true : null));
    return runId;
  };

  test("has its variables, arguments, stdin and working directory there, and its outputs here", async () => {
    const run = await runToEnd(petit, "values");
    expect(await logOf(run.id)).toBe(`it's "so"\n$HOME|/nowhere|1|a b|manual|${dir.path}/work|one\ntwo7\n1000\ntext\n`);
    expect(run.status).toBe("completed");
    expect(readdirSync(`${petit.dbPath}-artifacts/${run.id}/third`).sort()).toEqual(["file", "own"]);
    expect(readFileSync(`${dir.path}/work/file`, "utf8")).toBe("text\n");
  });

  test("runs a script of 200 lines that prints 10 MB, with quotes and newlines in its variables", async () => {
    const run = await runToEnd(petit, "lines");
    expect(run.status).toBe("completed");
    expect(await logOf(run.id, "?stream=stderr")).toStartWith(`199|it's "so"\n\n$HOME \`x\` \\ é|`);
    expect((await logOf(run.id, "?stream=stdout")).length).toBe(10_099_999);
    expect(podman.containers()).toEqual([]);
  });

  test("has the event that started its run there, also as another user", async () => {
    const { id } = await runToEnd(petit, "fails");
    expect(JSON.parse(await logOfFollower(petit, "told", id))).toMatchObject({ type: "failed", run: { id } });
  });

  test("does not get petit's own environment", async () => {
    const run = await runToEnd(petit, "petits-own");
    expect(await logOf(run.id)).not.toContain("CONTAINERS_CONF");
  });

  test("has nothing of the machine but its script, outputs and artifacts", async () => {
    const run = await runToEnd(petit, "alone");
    expect(await logOf(run.id)).toBe("/\n/petit/artifacts\n/petit/output\n/petit/script\n");
  });

  test("can't write to the folder of the job files, nor replace it", async () => {
    const run = await runToEnd(petit, "job_files");
    expect(await logOf(run.id, "?stream=stdout")).toBe("a.yaml\nrefused\nrefused\nrefused\nrefused\n");
    expect(readdirSync(`${dir.path}/jobs`)).toEqual(["a.yaml"]);
    expect(readFileSync(`${dir.path}/allowed`, "utf8")).toBe("x\n");
  });

  test.each(["state", "state_folder"])("does not start with what petit stores: %s", async (job) => {
    symlinkSync(petit.dir, `${dir.path}/to-${job}`);
    for (const path of [
      petit.dir,
      ...(job === "state" ? [petit.dbPath] : []),
      `${petit.dbPath}-spool`,
      ...(job === "state" ? [`${petit.dbPath}-spool/1`] : []),
      `${petit.dbPath}-artifacts`,
      `${dir.path}/to-${job}`,
      `${dir.path}/../${basename(petit.dir)}`,
      "/",
    ]) {
      const run = await runToEnd(petit, job, { path });
      expect(run.error).toMatch(/the folder of petit's (database|spool|artifacts)/);
      expect([path, run.status, await logOf(run.id)]).toEqual([path, "failed", ""]);
    }
  });

  test("is refused when petit reads a job file that mounts what petit stores", async () => {
    await Bun.write(
      `${dir.path}/jobs/bad.yaml`,
      `id: bad\ntasks:\n  - {id: a, type: shell, script: x, container: {image: "${IMAGE}", volumes: ["${petit.dir}:/x"]}}\n`,
    );
    const { body } = await post(petit, "/api/jobs/reload");
    rmSync(`${dir.path}/jobs/bad.yaml`);
    expect(body.problems).toMatchObject([{ file: "bad.yaml", line: 3, path: "tasks[0].container.volumes[0]" }]);
    expect(body.problems[0].message).toContain(`${petit.dir} is the folder of petit's database`);
  });

  test("fails with the exit code of its script, or with the engine's words", async () => {
    expect(await runToEnd(petit, "fails")).toMatchObject({ error: "task 'a' failed: exit code 42" });
    const run = await runToEnd(petit, "no-image");
    expect(run.error).toBe("task 'a' failed: exit code 125");
    expect(await logOf(run.id)).toContain("localhost/nothing:1");
  });

  test.each(["lingering", "stubborn"])("leaves no container when it is cancelled: %s", async (job) => {
    const runId = await ready(job);
    expect(podman.containers()).toHaveLength(1);
    await post(petit, `/api/runs/${runId}/cancel`);
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled" });
    expect(podman.containers()).toEqual([]);
  });

  test("leaves no container after its timeout", async () => {
    expect(await runToEnd(petit, "timeout")).toMatchObject({ error: "task 'a' failed: timed out after 2s" });
    expect(podman.containers()).toEqual([]);
  });

  test("leaves no container if the engine's client is killed", async () => {
    const runId = await ready("lingering");
    for (const pid of taskProcesses(petit.dbPath)) process.kill(pid, "SIGKILL");
    expect(await endOf(petit, runId)).toMatchObject({ status: "failed", error: "task 'a' failed: ended by SIGKILL" });
    expect(podman.containers()).toEqual([]);
  });

  test("goes on after a kill -9 of petit, and can be cancelled then", async () => {
    const runId = await ready("lingering");
    await petit.kill();
    petit = await startPetit({ dir: petit.dir, jobsDir: petit.jobsDir, env: podman.environment });
    expect(podman.containers()).toHaveLength(1);
    await post(petit, `/api/runs/${runId}/cancel`);
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled" });
    expect(podman.containers()).toEqual([]);
  });

  test("leaves no container if petit and the client are killed, and says that the task was interrupted", async () => {
    const runId = await ready("lingering");
    await petit.kill();
    for (const pid of taskProcesses(petit.dbPath)) process.kill(pid, "SIGKILL");
    expect(podman.containers()).toHaveLength(1);
    const args = ["doctor", petit.jobsDir, "--db", petit.dbPath];
    const doctor = (): string => {
      const [program = "", ...before] = petitCommand();
      const env = { PATH: process.env.PATH ?? "", HOME: dir.path, ...podman.environment };
      return spawnSync(program, [...before, ...args], { env, encoding: "utf8" }).stdout;
    };
    expect(doctor()).toMatch(/✓ leftovers +no container/);
    const [name = ""] = podman.containers();
    const left = name.replace(/^petit-\d+/, "petit-999");
    podman.run("create", "--name", left, "--label", `petit.database=${name.split("-")[2]}`, IMAGE, "true");
    expect(doctor()).toMatch(
      new RegExp(`! leftovers +1 container of ended attempts is left: ${left}\n.*rm --force ${left}`),
    );
    podman.run("rm", left);
    petit = await startPetit({ dir: petit.dir, jobsDir: petit.jobsDir, env: podman.environment });
    expect(await endOf(petit, runId)).toMatchObject({ status: "interrupted" });
    expect(podman.containers()).toEqual([]);
  });
});
