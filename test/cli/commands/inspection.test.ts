import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, type TempFolder, tempFolder } from "../../support/cli.ts";

type TestUser = { readonly who: string; readonly prefix: readonly string[]; readonly uid: number | null };

const ROOT_PREFIX = ["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"];
const NOBODY_PREFIX = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Root without all capabilities, because root with all of them can read every process. */
const USERS: readonly TestUser[] =
  process.geteuid?.() === 0
    ? [
        { who: "root with the capabilities of a container", prefix: ROOT_PREFIX, uid: null },
        { who: "an unprivileged user", prefix: NOBODY_PREFIX, uid: 65_534 },
      ]
    : [{ who: "an unprivileged user", prefix: [], uid: null }];

const setUp = ({ uid }: TestUser): TempFolder => {
  const folder = tempFolder();
  folder.write("jobs/look.yaml", LOOK);
  if (uid !== null) for (const path of ["", "jobs"]) chownSync(join(folder.path, path), uid, uid);
  return folder;
};

const run = (folder: TempFolder, { prefix }: TestUser, args: readonly string[]) => {
  const [program = "", ...rest] = [...prefix, ...PETIT, ...args];
  return spawnSync(program, rest, {
    cwd: folder.path,
    env: { ...cleanEnvironment(folder.path), PETIT_API_TOKEN: "the-secret-token" },
    encoding: "utf8",
  });
};

/** Returns whether the user can run petit here: another user may be unable to read this folder. */
const canRun = (who: TestUser): boolean => {
  using folder = tempFolder();
  if (who.uid !== null) chownSync(folder.path, who.uid, who.uid);
  return process.platform === "linux" && run(folder, who, ["--help"]).status === 0;
};

/** Reads petit's files in /proc. The parent of a task's wrapper shell is petit. */
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

describe("a task", () => {
  test.each(USERS.filter(canRun))("can't read the environment or memory map of petit, run by $who", (who) => {
    using folder = setUp(who);
    const { stdout, status } = run(folder, who, ["trigger", "jobs", "look", "--db", "petit.db"]);
    expect({ stdout, status }).toEqual({ stdout: "petit is there: yes\n1\n", status: 0 });
  });
});
