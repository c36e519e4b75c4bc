import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { hasSshd, type Sshd, startSshd } from "../support/ssh/sshd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf, eventually, logOfFollower } from "../support/torture/run.ts";

/** A script with a child in its group, and one in a session of its own, which prints when it is ready. */
const LINGERING = "sleep 1000 & setsid sleep 1000 & echo ready; wait";

const SECRET = "correct-horse-battery";

const jobsFor = ({ task, port, strangerFile, knownHosts }: Sshd): string =>
  [
    `id: values
environment: {QUOTED: "it's \\"so\\"\\n$HOME \`x\`"}
params: {day: {default: "friday night"}}
tasks:
  - {id: first, ${task}, args: ["\${{ params.day }}", "-n"], stdin: "one\\ntwo", script: "printf '%s|' \\"$QUOTED\\" \\"$PETIT_PARAM_DAY\\" \\"$PETIT_TRIGGER\\" $# \\"$1\\"; cat; echo 'rows=7' >> $PETIT_OUTPUT"}
  - {id: second, type: shell, depends_on: [first], environment: {ROWS: "\${{ tasks.first.outputs.rows }}"}, script: echo "$ROWS"}`,
    `id: lines
tasks:
  - id: a
    ${task.split(", ").join("\n    ")}
    script: |
${Array.from({ length: 200 }, (_, line) => `      N${line}=${line}`).join("\n")}
      head -c 10000000 /dev/zero | tr '\\0' x | fold -w 100
      echo $N199 >&2`,
    ...[1, 42, 254].map((code) => `id: exit-${code}\ntasks:\n  - {id: a, ${task}, script: exit ${code}}`),
    `id: lingering\nkill_grace: 10s\ntasks:\n  - {id: a, ${task}, script: "${LINGERING}"}`,
    `id: timeout\nkill_grace: 10s\ntasks:\n  - {id: a, ${task}, timeout: 2s, script: "${LINGERING}"}`,
    `id: stubborn\nkill_grace: 200ms\ntasks:\n  - {id: a, ${task}, script: "trap '' TERM; (trap '' TERM; sleep 1000) & echo ready; wait; sleep 1000"}`,
    `id: secret\ntasks:\n  - {id: a, ${task}, environment: {KEY: {env: PETIT_TEST_KEY}}, script: 'echo "$KEY" \${#KEY}; ${LINGERING}'}`,
    `id: told\ntriggers: [{type: run, job: exit-1, on: [failed]}]\ntasks:\n  - {id: a, ${task}, script: "cat $PETIT_EVENT"}`,
    `id: unknown-host\ntasks:\n  - {id: a, type: ssh, host: 127.0.0.1, port: ${port}, script: "true"}`,
    `id: wrong-key\ntasks:\n  - {id: a, type: ssh, host: 127.0.0.1, port: ${port}, identity_file: ${strangerFile}, known_hosts: ${knownHosts}, script: "true"}`,
    `id: refused\ntasks:\n  - {id: a, type: ssh, host: 127.0.0.1, port: 1, script: "true", retry: {max_attempts: 1, delay: 1ms, condition: transient_only}}`,
    `id: option\ntasks:\n  - {id: a, type: ssh, host: "\${{ params.host }}", script: "true"}\nparams: {host: {default: "-oProxyCommand=touch owned"}}`,
    `id: many\ntasks:\n  - {id: a, ${task}, foreach: {range: [1, 10]}, script: "echo $PETIT_ITEM; echo twice=$((PETIT_ITEM * 2)) >> $PETIT_OUTPUT"}`,
  ].join("\n---\n");

/** Returns the pids of the processes on "the other machine", which is this one, that belong to a run. */
const processesOf = (runId: string): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
        return environment.includes(`PETIT_RUN_ID=${runId}\0`) && environment.includes("SSH_CONNECTION=");
      } catch {
        return false;
      }
    });

const isReady = (petit: Petit, runId: string) =>
  eventually("the script is ready", async () =>
    (await (await petit.fetch(`/api/runs/${runId}/logs`)).text()).includes("ready") && processesOf(runId).length >= 2
      ? true
      : null,
  );

const noneLeft = (runId: string) =>
  eventually("no process is left", () => (processesOf(runId).length === 0 ? true : null));

describe.skipIf(!hasSshd)("a task of the type ssh (needs openssh-server)", () => {
  const dir = tempDir();
  let sshd: Sshd;
  let petit: Petit;

  beforeAll(async () => {
    sshd = await startSshd(dir.path);
    petit = await startPetit({ jobs: { "ssh.yaml": jobsFor(sshd) }, env: { PETIT_TEST_KEY: SECRET } });
  });
  afterAll(async () => {
    await petit?.[Symbol.asyncDispose]();
    await sshd?.[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  const logOf = async (runId: string, query = ""): Promise<string> =>
    await (await petit.fetch(`/api/runs/${runId}/logs${query}`)).text();

  test("has its variables, arguments and stdin there, and its outputs here", async () => {
    const run = await runToEnd(petit, "values");
    expect(run.status).toBe("completed");
    expect(await logOf(run.id)).toBe(`it's "so"\n$HOME \`x\`|friday night|manual|2|friday night|one\ntwo7\n`);
  });

  test("has the event that started its run there", async () => {
    const { id } = await runToEnd(petit, "exit-1");
    expect(JSON.parse(await logOfFollower(petit, "told", id))).toMatchObject({ type: "failed", run: { id } });
  });

  test("runs a script of 200 lines that prints 10 MB", async () => {
    const run = await runToEnd(petit, "lines");
    expect(run.status).toBe("completed");
    expect(await logOf(run.id, "?stream=stderr")).toBe("199\n");
    expect((await logOf(run.id, "?stream=stdout")).length).toBe(10_099_999);
  });

  test.each([1, 42, 254])("fails with exit code %d of its script", async (code) => {
    const run = await runToEnd(petit, `exit-${code}`);
    expect(run).toMatchObject({ status: "failed", error: `task 'a' failed: exit code ${code}` });
  });

  test("passes secrets on without a trace in files of this machine", async () => {
    const runId = await start(petit, "secret");
    await isReady(petit, runId);
    expect(await logOf(runId)).toBe(`*** ${SECRET.length}\nready\n`);
    const files = readdirSync(petit.dir, { recursive: true, encoding: "utf8" }).map((name) => join(petit.dir, name));
    const withSecret = files.filter((path) => statSync(path).isFile() && readFileSync(path).includes(SECRET));
    // Only the raw output, until the attempt ends.
    expect(withSecret.filter((path) => !path.endsWith(".stdout"))).toEqual([]);
    await post(petit, `/api/runs/${runId}/cancel`);
    await endOf(petit, runId);
  });

  test("leaves no process there when it is cancelled", async () => {
    const runId = await start(petit, "lingering");
    await isReady(petit, runId);
    await post(petit, `/api/runs/${runId}/cancel`);
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled" });
    expect(processesOf(runId)).toEqual([]);
  });

  test("leaves no process there that ignores SIGTERM", async () => {
    const runId = await start(petit, "stubborn");
    await isReady(petit, runId);
    await post(petit, `/api/runs/${runId}/cancel`);
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled" });
    await noneLeft(runId);
  });

  test("leaves no process there after its timeout", async () => {
    const run = await runToEnd(petit, "timeout");
    expect(run).toMatchObject({ status: "failed", error: "task 'a' failed: timed out after 2s" });
    expect(processesOf(run.id)).toEqual([]);
  });

  test("fails when its connection is lost, and leaves no process there", async () => {
    const runId = await start(petit, "lingering");
    await isReady(petit, runId);
    sshd.cut();
    const run = await endOf(petit, runId);
    expect(run.error).toBe("task 'a' failed: ssh could not connect, or lost the connection (exit code 255)");
    expect(run.log).toContain(
      "petit: the connection was lost; the remote processes have been ended over another one\n",
    );
    expect(processesOf(runId)).toEqual([]);
  });

  test("goes on after a kill -9 of petit, and can be cancelled then", async () => {
    const runId = await start(petit, "lingering");
    await isReady(petit, runId);
    await petit.kill();
    petit = await startPetit({ dir: petit.dir });
    expect(processesOf(runId).length).toBeGreaterThan(1);
    await post(petit, `/api/runs/${runId}/cancel`);
    expect(await endOf(petit, runId)).toMatchObject({ status: "cancelled" });
    expect(processesOf(runId)).toEqual([]);
  });

  test.each([
    ["unknown-host", "Host key verification failed."],
    ["wrong-key", "Permission denied"],
    ["refused", "Connection refused"],
  ])("fails with ssh's words if it can't connect: %s", async (job, words) => {
    const run = await runToEnd(petit, job);
    expect(run.error).toBe("task 'a' failed: ssh could not connect, or lost the connection (exit code 255)");
    expect(await logOf(run.id)).toContain(words);
  });

  test("is retried as a transient failure if it can't connect", async () => {
    const run = await runToEnd(petit, "refused");
    const { tasks } = await (await petit.fetch(`/api/runs/${run.id}/tasks`)).json();
    expect(tasks).toMatchObject([{ attempts: 2 }]);
  });

  test("refuses a host that ssh would take for an option", async () => {
    const run = await runToEnd(petit, "option");
    expect(run.error).toBe(
      "task 'a' failed: host '-oProxyCommand=touch owned' must not begin with '-' or contain a space",
    );
  });

  test("runs many scripts at once, each with its own outputs", async () => {
    const run = await runToEnd(petit, "many");
    const { tasks } = await (await petit.fetch(`/api/runs/${run.id}/tasks`)).json();
    const twice = JSON.stringify(Array.from({ length: 10 }, (_, index) => String((index + 1) * 2)));
    expect(tasks).toMatchObject([{ status: "completed", outputs: { twice } }]);
    await eventually("the folders of the attempts are deleted there", () =>
      readdirSync("/tmp").some((name) => /^petit-[0-9a-f]{32}$/.test(name)) ? null : true,
    );
  });
});
