import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { startWithRepository } from "../support/git/petit.ts";
import { runToEnd } from "../support/petit/api.ts";

const JOB = `id: others
run_as: nobody
tasks:
  - {id: file, type: shell, script: ". ./hello.sh", working_dir: ../scripts}
  - {id: change, type: shell, script: "! touch mine 2>/dev/null && cat hello.sh >/dev/null", working_dir: ../scripts}
`;

test.skipIf(process.geteuid?.() !== 0)(
  "a task with run_as reads the files of its commit, and can't change them",
  async () => {
    const files = { "jobs/others.yaml": JOB, "scripts/hello.sh": "echo hello from $(id -un)\n" };
    await using petit = await startWithRepository(files, "1h", ["--run-as-allowed", "nobody"]);
    // Temporary folders are closed to other users.
    chmodSync(dirname(petit.dbPath), 0o755);
    const { id, status, error } = await runToEnd(petit, "others");
    expect([status, error]).toEqual(["completed", null]);
    const log = await petit.fetch(`/api/runs/${id}/logs?task=file`);
    expect(await log.text()).toBe("hello from nobody\n");
  },
);
