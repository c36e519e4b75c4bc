import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Job, Task } from "../../../src/domain/job.ts";
import { job, program } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { isDeno, isInstalled } from "../../support/runtime-command.ts";
import { tempDir } from "../../support/temp-dir.ts";

const hasPython = isInstalled("python3");

/** Runs a task; `folder` is that of the job file. Returns what it prints to stdout. */
const printed = async (task: Task, folder?: string): Promise<string> => {
  const given: Partial<Job> = folder === undefined ? {} : { source: { file: "one.yaml", line: 1, folder } };
  await using petit = await startEngine({ jobs: [job("one", { tasks: [task], ...given })] });
  return (await petit.run("one")).output({ stream: "stdout" });
};

/** A working directory in which another user has planted every file that a runtime may load. */
const plantedDir = () => {
  const dir = tempDir();
  const plant = (name: string, text: string): void => {
    mkdirSync(dirname(dir.file(name)), { recursive: true });
    writeFileSync(dir.file(name), text);
  };
  plant("planted.ts", "console.log('planted');");
  plant("bunfig.toml", 'preload = ["./planted.ts"]\n[run]\npreload = ["./planted.ts"]\n');
  const paths = { "planted-alias": ["./planted.ts"], "node:path": ["./planted.ts"], path: ["./planted.ts"] };
  plant("tsconfig.json", JSON.stringify({ compilerOptions: { paths } }));
  plant("deno.json", JSON.stringify({ imports: { "planted-alias": "./planted.ts", "node:path": "./planted.ts" } }));
  plant(".env", "PLANTED=yes\n");
  for (const module of ["json.py", "sitecustomize.py", "usercustomize.py"]) plant(module, "print('planted')\n");
  return dir;
};

describe("a working directory that other users can write to", () => {
  const PRINT = "import { sep } from 'node:path';\nconsole.log(`own ${sep} ${process.env.PLANTED}`);";

  test("does not change an inline typescript program", async () => {
    using dir = plantedDir();
    const task = program("t", "typescript", { text: PRINT }, { workingDir: dir.path });
    expect(await printed(task)).toBe("own / undefined\n");
  });

  test("does not change what an inline typescript program imports", async () => {
    using dir = plantedDir();
    const text = "await import('planted-alias').catch(() => console.log('refused'));";
    expect(await printed(program("t", "typescript", { text }, { workingDir: dir.path }))).toBe("refused\n");
  });

  test("does not change a typescript file in another folder", async () => {
    using jobs = tempDir();
    using dir = plantedDir();
    writeFileSync(jobs.file("task.ts"), PRINT);
    const task = program("t", "typescript", { file: "task.ts" }, { workingDir: dir.path });
    expect(await printed(task, jobs.path)).toBe("own / undefined\n");
  });

  test.skipIf(!hasPython)("does not change what a python program imports", async () => {
    using jobs = tempDir();
    using dir = plantedDir();
    const text = "import json, sys\nprint(json.dumps(sys.argv[1:]))";
    writeFileSync(jobs.file("task.py"), text);
    for (const from of [{ text }, { file: "task.py" }]) {
      const task = program("t", "python", from, { workingDir: dir.path, args: ["x"] });
      expect(await printed(task, jobs.path)).toBe('["x"]\n');
    }
  });
});

test.skipIf(!hasPython)("a python file imports from its own folder", async () => {
  using jobs = tempDir();
  using work = tempDir();
  writeFileSync(jobs.file("task.py"), "import helper");
  writeFileSync(jobs.file("helper.py"), "print('helped')");
  const task = program("t", "python", { file: "task.py" }, { workingDir: work.path });
  expect(await printed(task, jobs.path)).toBe("helped\n");
});

test.skipIf(isDeno)("a typescript file uses the tsconfig.json of its own folder", async () => {
  using jobs = tempDir();
  using work = tempDir();
  writeFileSync(jobs.file("task.ts"), "import 'helper-alias';");
  writeFileSync(jobs.file("helper.ts"), "console.log('helped');");
  const paths = { "helper-alias": ["./helper.ts"] };
  writeFileSync(jobs.file("tsconfig.json"), JSON.stringify({ compilerOptions: { paths } }));
  const task = program("t", "typescript", { file: "task.ts" }, { workingDir: work.path });
  expect(await printed(task, jobs.path)).toBe("helped\n");
});
