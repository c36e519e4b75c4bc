import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { petitCommand } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";

const BARRED = ["setpriv", "--bounding-set=-setuid"] as const;
const canBar = process.getuid?.() === 0 && spawnSync(BARRED[0], [...BARRED.slice(1), "true"]).status === 0;

test.skipIf(!canBar)("run_as is a problem where root may not start processes as other users", () => {
  using dir = tempDir();
  const jobs = join(dir.path, "jobs");
  mkdirSync(jobs);
  writeFileSync(join(jobs, "a.yaml"), "id: a\nrun_as: nobody\ntasks: [{id: t, type: shell, script: 'true'}]\n");
  const config = join(dir.path, "config.yaml");
  writeFileSync(config, "run_as_allowed: [nobody]\n");
  const argv = [...petitCommand(), "validate", jobs, "--config", config];
  const [program, ...args] = [...BARRED, ...argv];
  const barred = spawnSync(program ?? "", args, { encoding: "utf8", cwd: dir.path });
  expect(barred.status).toBe(1);
  expect(barred.stdout + barred.stderr).toContain("a.yaml:2:9: run_as: run_as needs CAP_SETUID, which petit lacks");
  const [free = "", ...rest] = argv;
  expect(spawnSync(free, rest, { encoding: "utf8", cwd: dir.path }).status).toBe(0);
});
