import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { Job, Task } from "../../../../src/domain/job.ts";
import { findAccount } from "../../../../src/lib/system/accounts.ts";
import { findTool } from "../../../../src/lib/system/tools.ts";
import { job, shell } from "../../../support/engine/factories.ts";
import { type StartOptions, startEngine } from "../../../support/engine/started-engine.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const isReady = process.geteuid?.() === 0 && findTool("setpriv") !== null && findAccount("nobody") !== null;
const NOBODY = findAccount("nobody") ?? { name: "nobody", uid: -1, gid: -1, home: "", shell: "" };
const OTHER = findAccount("daemon") ?? NOBODY;

type Ran = Awaited<ReturnType<Awaited<ReturnType<typeof startEngine>>["run"]>>;

/** Runs one task with `run_as` in a folder that everybody may write to. */
const run = async (
  task: Partial<Task> & { readonly script: string },
  { inherit = true, ...options }: StartOptions & { readonly inherit?: boolean } = {},
): Promise<Ran> => {
  const { script, ...given } = task;
  const only: Job = job("only", {
    tasks: [shell("only", script, { runAs: "nobody", workingDir: "/tmp", ...given })],
    inheritEnvironment: inherit,
  });
  using dir = openDir();
  await using started = await startEngine({
    jobs: [only],
    settings: { runAsAllowed: ["nobody"] },
    dir: dir.path,
    ...options,
  });
  return await started.run("only");
};

/** A folder that everybody can enter, and write to. */
const openDir = (): ReturnType<typeof tempDir> => {
  const dir = tempDir();
  chmodSync(dir.path, 0o777);
  return dir;
};

const errorOf = ({ tasks }: Ran): string | null | undefined => tasks.only?.error;

describe.skipIf(!isReady)("a task with run_as (needs root, setpriv and the user nobody)", () => {
  test("is that user with its groups, and has its variables instead of those of petit", async () => {
    const environment = { PATH: process.env.PATH ?? "", HOME: "/root", USER: "root", XDG_RUNTIME_DIR: "/run/user/0" };
    const script = 'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME $SHELL [$XDG_RUNTIME_DIR]"';
    const { summary, output } = await run({ script }, { environment });
    const { uid, gid, home, shell: login } = NOBODY;
    expect(summary).toBe("only completed");
    expect(output()).toBe(`${uid}\n${gid}\n${gid}\n${home} nobody nobody ${login} []\n`);
  });

  test("can be named by its number, whichever of both is allowed", async () => {
    const uid = String(NOBODY.uid);
    expect((await run({ script: "id -un", runAs: uid })).output()).toBe("nobody\n");
    expect((await run({ script: "id -un" }, { settings: { runAsAllowed: [uid] } })).output()).toBe("nobody\n");
  });

  test("writes outputs and artifacts, which petit keeps", async () => {
    using dir = openDir();
    await using started = await startEngine({
      jobs: [
        job("only", {
          tasks: [
            shell(
              "only",
              'echo rows=3 >> "$PETIT_OUTPUT"; echo 1 > "$PETIT_ARTIFACTS/own"; umask 077; echo 2 > made; stat -c "%U %a" "$0"',
              { runAs: "nobody", workingDir: dir.path, artifacts: ["made"] },
            ),
          ],
        }),
      ],
      settings: { runAsAllowed: ["nobody"] },
    });
    chmodSync(started.dir, 0o711);
    const ran = await started.run("only");
    expect(ran.tasks.only).toMatchObject({ status: "completed", outputs: { rows: "3" } });
    expect(ran.output()).toBe("nobody 600\n");
    const kept = started.store.artifacts.list(ran.run.id).map(({ path }) => path);
    expect(kept).toEqual(["only/made", "only/own"]);
    expect(statSync(`${started.dir}/artifacts`).mode & 0o777).toBe(0o700);
  });

  test.each([
    [
      "is not listed",
      { runAs: "daemon" },
      "tasks may not run as 'daemon'; expected a user of the setting run_as_allowed, which lists nobody",
    ],
    ["does not exist", { runAs: "no-such-user" }, "there is no user 'no-such-user' on this machine"],
    ["is root, which is not listed", { runAs: "0" }, "tasks may not run as '0'"],
    [
      "can't enter the working directory",
      { workingDir: "/root" },
      "working directory /root can't be entered by nobody",
    ],
  ])("does not start if its user %s", async (_, given, error) => {
    const ran = await run({ script: "touch $PETIT_ARTIFACTS/x", ...given });
    expect(ran.summary).toBe("only failed(spawn_failed)");
    expect(errorOf(ran)).toContain(error);
  });

  test("does not start below a folder that its user can't enter", async () => {
    using dir = openDir();
    mkdirSync(dir.file("closed/inner"), { recursive: true });
    chmodSync(dir.file("closed"), 0o700);
    const path = dir.file("closed/inner");
    expect(errorOf(await run({ script: "true", workingDir: path }))).toBe(
      `working directory ${path} can't be entered by nobody, who may not enter ${dir.file("closed")}`,
    );
    chownSync(dir.file("closed"), 0, NOBODY.gid);
    chmodSync(dir.file("closed"), 0o750);
    expect((await run({ script: "true", workingDir: path })).summary).toBe("only completed");
  });

  test("may reopen its own output", async () => {
    const { output } = await run({ script: "echo a > /dev/stderr; echo b | tee /dev/stderr" });
    expect(output({ stream: "stderr" })).toBe("a\nb\n");
    expect(output({ stream: "stdout" })).toBe("b\n");
  });

  test("may reopen its own output in a way that its text does not show", async () => {
    const { summary, output } = await run({ script: "name=stderr; echo a > /dev/$name" });
    expect(summary).toBe("only completed");
    expect(output({ stream: "stderr" })).toBe("a\n");
  });

  test("can't change or read what petit has of it and of others", async () => {
    const script = `for file in status stdout stderr; do
      path=\${PETIT_OUTPUT%outputs}$file
      [ ! -r "$path" ] && [ ! -w "$path" ] && ! rm -f "$path" 2>/dev/null || { echo "reaches $file"; exit 1; }
    done
    touch "\${PETIT_OUTPUT%outputs}new" 2>/dev/null && { echo "creates"; exit 1; }
    ls "\${PETIT_OUTPUT%/*}" 2>/dev/null && { echo "lists"; exit 1; }
    mv "$PETIT_OUTPUT" "$PETIT_OUTPUT.old" 2>/dev/null && { echo "moves"; exit 1; }
    true`;
    const { summary, output } = await run({ script });
    expect(`${summary} ${output()}`).toBe("only completed ");
  });

  const PLANTED: readonly (readonly [what: string, command: string])[] = [
    ["a symbolic link", 'ln -sfT /etc/shadow "$PETIT_OUTPUT"'],
    ["a pipe", 'rm -f "$PETIT_OUTPUT"; mkfifo "$PETIT_OUTPUT"'],
    ["a folder", 'rm -f "$PETIT_OUTPUT"; mkdir "$PETIT_OUTPUT"'],
    ["a device", 'rm -f "$PETIT_OUTPUT"; mknod "$PETIT_OUTPUT" c 1 5'],
  ];
  test.each(PLANTED)("can't put %s in the place of its outputs", async (_, plant) => {
    const { tasks, output } = await run({
      script: `(${plant}) 2>/dev/null || echo refused; echo a=1 > "$PETIT_OUTPUT"`,
    });
    expect(output()).toBe("refused\n");
    expect(tasks.only?.outputs).toEqual({ a: "1" });
  });

  test("has no outputs if their file has a second name", async () => {
    using dir = openDir();
    // The link must be on the same file system, in a folder of the user.
    const script = `echo a=1 > "$PETIT_OUTPUT"; ln "$PETIT_OUTPUT" ${dir.path}/second`;
    const ran = await run({ script });
    expect(ran.output()).toBe("");
    expect(ran.summary).toBe("only failed(exit_code)");
    expect(errorOf(ran)).toContain("$PETIT_OUTPUT has another name as well");
  });

  test.each([
    ["a symbolic link", (path: string) => `ln -s ${path} "$PETIT_ARTIFACTS/got"`],
    ["a hard link", (path: string) => `ln ${path} "$PETIT_ARTIFACTS/got"`],
    ["a pipe", () => 'mkfifo "$PETIT_ARTIFACTS/got"'],
    ["a device", () => 'mknod "$PETIT_ARTIFACTS/got" c 1 5'],
    ["a link to a folder", (path: string) => `ln -s ${path.replace(/[^/]*$/, "")} "$PETIT_ARTIFACTS/got"`],
  ])("does not get a file of root among its artifacts by %s", async (_, plant) => {
    using dir = openDir();
    const secret = dir.file("secret");
    writeFileSync(secret, "of root\n", { mode: 0o600 });
    using place = openDir();
    await using started = await startEngine({
      jobs: [
        job("only", { tasks: [shell("only", `${plant(secret)} || true`, { runAs: "nobody", workingDir: "/tmp" })] }),
      ],
      settings: { runAsAllowed: ["nobody"] },
      dir: place.path,
    });
    const { run: ended } = await started.run("only");
    expect(started.store.artifacts.list(ended.id)).toEqual([]);
  });

  test("can't replace the folder of its artifacts", async () => {
    const script = `dir=$(readlink -f "$PETIT_ARTIFACTS"); mv "$dir" "$dir.old" 2>/dev/null || echo refused
      rmdir "$dir" 2>/dev/null || echo refused; ln -sfn /etc "\${PETIT_ARTIFACTS%/*}" 2>/dev/null || echo refused`;
    expect((await run({ script })).output()).toBe("refused\nrefused\nrefused\n");
  });

  test("runs none of its variables and programs as root", async () => {
    using dir = openDir();
    const mark = dir.file("mark");
    for (const name of ["setpriv", "env", "id", "chown", "mkfifo", "cat", "sh", "nice", "ionice"])
      writeFileSync(dir.file(name), `#!/bin/sh\necho "$0 $(/usr/bin/id -u)" >> ${mark}\nexec /usr/bin/${name} "$@"\n`, {
        mode: 0o755,
      });
    writeFileSync(dir.file("env.sh"), `/usr/bin/id -u >> ${mark}\n`);
    const environment = {
      PATH: `${dir.path}:/usr/bin:/bin`,
      ENV: dir.file("env.sh"),
      BASH_ENV: dir.file("env.sh"),
      LD_PRELOAD: dir.file("evil.so"),
      "BASH_FUNC_echo%%": `() { /usr/bin/id -u >> ${mark}; }`,
      PS4: `$(/usr/bin/id -u >> ${mark})`,
      SHELLOPTS: "xtrace",
    };
    writeFileSync(mark, "", { mode: 0o666 });
    chmodSync(mark, 0o666);
    const limits = { nice: 5, io: "idle" } as const;
    const { summary } = await run({ script: "id -u > /dev/stderr", environment, limits });
    expect(summary).toBe("only completed");
    const users = new Set(readFileSync(mark, "utf8").match(/\d+$/gm));
    expect([...users]).toEqual([String(NOBODY.uid)]);
  });

  test("does not share files with attempts of other users", async () => {
    using dir = openDir();
    const script = 'stat -c "%U" "$0"; ls -ld "$PETIT_ARTIFACTS/" | cut -d" " -f3';
    const as = (id: string, runAs?: string): Task =>
      shell(id, script, { workingDir: "/tmp", ...(runAs !== undefined && { runAs }) });
    const jobs = [
      job("theirs", { tasks: [as("only", "nobody")] }),
      job("others", { tasks: [as("only", OTHER.name)] }),
      job("own", { tasks: [as("only")] }),
    ];
    await using started = await startEngine({
      jobs,
      settings: { runAsAllowed: ["nobody", OTHER.name] },
      dir: dir.path,
    });
    for (const [id, user] of [
      ["theirs", "nobody"],
      ["own", "root"],
      ["others", OTHER.name],
      ["own", "root"],
      ["theirs", "nobody"],
      ["own", "root"],
    ] as const)
      expect([id, (await started.run(id)).output()]).toEqual([id, `${user}\n${user}\n`]);
  });

  test("is ended as any other", async () => {
    const ran = await run(
      { script: "sleep 60 & trap '' TERM; sleep 60", timeoutMs: 300 },
      { settings: { runAsAllowed: ["nobody"], killGraceMs: 100 } },
    );
    expect(ran.summary).toBe("only failed(timeout)");
  });

  test("is adopted with its user, also when it would not be allowed any more", async () => {
    using dir = openDir();
    using work = openDir();
    const script =
      'echo started; while [ ! -e go ]; do sleep 0.02; done; id -un; echo a=1 > "$PETIT_OUTPUT"; echo 1 > "$PETIT_ARTIFACTS/kept"';
    const jobs = [job("only", { tasks: [shell("only", script, { runAs: "nobody", workingDir: work.path })] })];
    const first = await startEngine({ jobs, settings: { runAsAllowed: ["nobody"] }, dir: dir.path });
    const { id } = await first.trigger("only");
    await first.written(id, "started");
    await first.stop("leave");
    await using second = await startEngine({ jobs, settings: { runAsAllowed: [OTHER.name] }, dir: dir.path });
    writeFileSync(work.file("go"), "");
    const ended = await second.ended(id);
    expect(ended.tasks.only).toMatchObject({ status: "completed", outputs: { a: "1" } });
    expect(ended.output()).toBe("started\nnobody\n");
    expect(second.store.artifacts.list(id).map(({ path }) => path)).toEqual(["only/kept"]);
    expect((await second.run("only")).summary).toBe("only failed(spawn_failed)");
  });

  test("is root only if root is listed", async () => {
    expect((await run({ script: "id -u", runAs: "root" }, { settings: { runAsAllowed: ["root"] } })).output()).toBe(
      "0\n",
    );
  });

  test("without an inherited environment has only the variables of its job", async () => {
    const { output } = await run({ script: 'echo "[$HOME]"' }, { inherit: false });
    expect(output()).toBe("[]\n");
  });
});
