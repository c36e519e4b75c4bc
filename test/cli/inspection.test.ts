import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, type TempFolder, tempFolder } from "../support/cli.ts";

/** To root all processes are open. */
const UNPRIVILEGED =
  process.geteuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];

const run = (folder: TempFolder, args: readonly string[]) => {
  const [program = "", ...rest] = [...UNPRIVILEGED, ...PETIT, ...args];
  return spawnSync(program, rest, {
    cwd: folder.path,
    env: { ...cleanEnvironment(folder.path), PETIT_API_TOKEN: "the-secret-token" },
    encoding: "utf8",
  });
};

/** Another user may have no way to where this tree lies. */
const canRun = (): boolean => {
  using folder = tempFolder();
  if (UNPRIVILEGED.length > 0) chownSync(folder.path, 65_534, 65_534);
  return process.platform === "linux" && run(folder, ["--help"]).status === 0;
};

/** The parent of the shell around a task is petit. */
const LOOK = `id: look
tasks:
  - id: t
    type: shell
    script: |
      read -r _ _ _ petit _ < /proc/$PPID/stat
      echo "petit is there: $(test -d "/proc/$petit" && echo yes)"
      for file in environ maps; do cat "/proc/$petit/$file" > /dev/null 2>&1 && echo "$file is open"; done
      tr '\\0' '\\n' < "/proc/$petit/environ" 2> /dev/null | grep secret || true
      grep -c PETIT_TASK_ID=t /proc/$$/environ
`;

describe.skipIf(!canRun())("a task of the same user", () => {
  test("can't read petit's environment or memory map, and its own is open as ever", () => {
    using folder = tempFolder();
    folder.write("jobs/look.yaml", LOOK);
    if (UNPRIVILEGED.length > 0) for (const path of ["", "jobs"]) chownSync(join(folder.path, path), 65_534, 65_534);
    const { stdout, status } = run(folder, ["trigger", "jobs", "look", "--db", "petit.db"]);
    expect({ stdout, status }).toEqual({ stdout: "petit is there: yes\n1\n", status: 0 });
  });
});
