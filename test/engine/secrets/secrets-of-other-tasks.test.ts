import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Job } from "../../../src/domain/job.ts";
import { recordedExit } from "../../../src/engine/attempt/process.ts";
import { spoolOf } from "../../../src/engine/output/spool.ts";
import { job, retry, shell } from "../../support/engine/factories.ts";
import { type Gate, gate } from "../../support/engine/gate.ts";
import { startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PATH = process.env.PATH ?? "";
const OLD = "old-battery-staple";
const NEW = "new-battery-staple";

type Parts = {
  /** A command that waits at the gate. */
  readonly wait: string;
  /** The folder of the job file. */
  readonly folder: string;
};

/**
 * Runs a job until its task `t` waits. The task ends while petit is down; then petit starts with another value of PETIT_S. Returns the
 * end of the task.
 */
const endAfterRestart = async (given: (parts: Parts) => Partial<Job>, change: (folder: string) => void = () => {}) => {
  using dir = tempDir();
  using folder = tempDir();
  using door: Gate = gate();
  const parts = { wait: door.wait, folder: folder.path };
  const jobs = [job("j", { source: { file: "j.yaml", line: 1, folder: folder.path }, ...given(parts) })];
  const first = await startEngine({ jobs, dir: dir.path, environment: { PATH, PETIT_S: OLD } });
  const { id } = await first.trigger("j");
  await door.reached();
  const started = () => first.read(id).attempts.find(({ taskId, process }) => taskId === "t" && process !== null);
  await waitFor(() => started() !== undefined);
  const attempt = started()?.id ?? 0;
  await first.stop("leave");
  door.open();
  await waitFor(() => recordedExit(spoolOf(dir.file("spool"), attempt)) !== null);
  change(folder.path);
  await using petit = await startEngine({ jobs, dir: dir.path, environment: { PATH, PETIT_S: NEW } });
  const { run, tasks, attempts, output } = await petit.ended(id);
  return { status: run.status, task: tasks.t, attempts, output: output({ task: "t" }) };
};

const KEY: Job["environment"] = { KEY: { env: "PETIT_S" } };

describe("after a restart, a task without secrets loses nothing if another task has a secret that changed", () => {
  const plain = ({ wait }: Parts, after: readonly string[] = []) =>
    shell("t", `${wait}; echo "no secret"; echo "rows=42" > "$PETIT_OUTPUT"; echo > "$PETIT_ARTIFACTS/file"`, {
      after,
    });

  test.each<[string, (parts: Parts) => Partial<Job>]>([
    ["and runs too", (parts) => ({ tasks: [shell("a", "true", { environment: KEY }), plain(parts)] })],
    ["and has completed", (parts) => ({ tasks: [shell("a", "true", { environment: KEY }), plain(parts, ["a"])] })],
    [
      "and has not started",
      (parts) => ({ tasks: [plain(parts), shell("a", "true", { environment: KEY, after: ["t"] })] }),
    ],
    [
      "and the task replaces the secret of the job by a text",
      (parts) => ({
        environment: KEY,
        tasks: [{ ...plain(parts), environment: { KEY: "text" } }, shell("a", "true", { after: ["t"] })],
      }),
    ],
  ])("%s", async (_, given) => {
    const { status, task, output } = await endAfterRestart(given);
    expect({ status, outputs: task?.outputs, output }).toEqual({
      status: "completed",
      outputs: { rows: "42" },
      output: "no secret\n",
    });
  });

  test("because the task itself replaced it", async () => {
    const { status, output } = await endAfterRestart(({ wait, folder }) => {
      writeFileSync(join(folder, "token"), OLD);
      return {
        tasks: [
          shell("t", `${wait}; echo ${NEW} > ${folder}/token; cat ${folder}/token`),
          shell("use", "true", { environment: { TOKEN: { file: "token" } }, after: ["t"] }),
        ],
      };
    });
    // The mask has the present value.
    expect([status, output]).toEqual(["completed", "***\n"]);
  });
});

test("after a restart, output is hidden because of the secret that its own task was given, which the note names", async () => {
  const { output } = await endAfterRestart(({ wait }) => ({
    tasks: [shell("a", "true", { environment: { OTHER: { env: "PETIT_S" } } }), shell("t", `${wait}; echo $KEY`)],
    environment: KEY,
  }));
  expect(output).toStartWith("[petit: the output from here on is hidden: the secret environment.KEY may have changed");
});

describe("after a restart that hides the output of a task", () => {
  const withExit =
    (exit: number, outputs: string) =>
    ({ wait }: Parts): Partial<Job> => ({
      tasks: [
        shell("t", `${wait}; ${outputs}; echo $KEY; exit ${exit}`, {
          environment: KEY,
          retry: retry(3),
        }),
      ],
    });

  test("exit status 0 completes it if it wrote no outputs", async () => {
    const { task } = await endAfterRestart(withExit(0, "true"));
    expect([task?.status, task?.reason]).toEqual(["completed", null]);
  });

  test("exit status 0 with outputs fails it as an error of petit, and is not retried", async () => {
    const { task, attempts } = await endAfterRestart(withExit(0, 'echo a=b > "$PETIT_OUTPUT"'));
    expect(attempts.map(({ reason, exitCode }) => [reason, exitCode])).toEqual([["internal_error", 0]]);
    expect([task?.reason, task?.error]).toEqual([
      "internal_error",
      "$PETIT_OUTPUT is not used, because its secrets can't be hidden",
    ]);
  });

  test("exit status 0 with artifacts fails it without a retry", async () => {
    const { attempts } = await endAfterRestart(withExit(0, 'echo > "$PETIT_ARTIFACTS/a"'));
    expect(attempts.map(({ reason }) => reason)).toEqual(["internal_error"]);
  });

  test("another exit status fails it with that status, and is retried", async () => {
    const { attempts } = await endAfterRestart(({ wait }) => ({
      tasks: [
        shell("t", `[ "$PETIT_ATTEMPT" = 1 ] || exit 0; ${wait}; echo a=b > "$PETIT_OUTPUT"; exit 3`, {
          environment: KEY,
          retry: retry(3),
        }),
      ],
    }));
    expect(attempts.map(({ reason, exitCode }) => [reason, exitCode])).toEqual([
      ["exit_code", 3],
      [null, 0],
    ]);
  });
});
