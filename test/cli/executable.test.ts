import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PETIT, petit, tempFolder } from "../support/cli.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Skipped from source, because Bun itself reads these files. */
describe.skipIf(process.env.PETIT_TEST_TARGET !== "executable")("the executable", () => {
  test("ignores .env and bunfig.toml of the current folder", async () => {
    using folder = tempFolder();
    folder.write(".env", "PETIT_API_PORT=abc\n");
    folder.write("bunfig.toml", 'preload = ["./preload.ts"]\n');
    folder.write("preload.ts", 'require("node:fs").writeFileSync("was-here", "");\n');
    folder.write("tsconfig.json", "not json");
    folder.write("package.json", "not json");
    expect(await petit(["init"], { cwd: folder.path })).toMatchObject({ status: 0, stdout: "wrote jobs/hello.yaml\n" });
    expect(existsSync(join(folder.path, "was-here"))).toBe(false);
  });

  test("runs without PATH and HOME", async () => {
    const environment = { PATH: "", HOME: "" };
    expect(await petit(["schema"], { environment })).toMatchObject({ status: 0, stderr: "" });
  });

  const [unshare = "", ...mapped] = ["unshare", "--user", "--map-user=54321", "--map-group=54321"];

  test.skipIf(spawnSync(unshare, [...mapped, "true"]).status !== 0)("runs as a user id without an account", () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", "id: a\ntasks: [{id: t, type: shell, script: 'echo hi'}]\n");
    const args = [...mapped, ...PETIT, "trigger", "jobs", "a"];
    const ran = spawnSync(unshare, args, { cwd: folder.path, env: {}, encoding: "utf8" });
    expect(ran).toMatchObject({ status: 0, stdout: expect.stringContaining("hi") });
  });

  test("is started by scripts/petit in the caller's folder, whatever Bun's variables are", () => {
    using folder = tempFolder();
    const env = { PATH: process.env.PATH ?? "", HOME: folder.path, BUN_BE_BUN: "1", BUN_OPTIONS: "--bogus" };
    const ran = spawnSync(join(ROOT, "scripts/petit"), ["init", "here"], { cwd: folder.path, env, encoding: "utf8" });
    expect(ran).toMatchObject({ status: 0, stdout: "wrote here/hello.yaml\n" });
    expect(existsSync(join(folder.path, "here/hello.yaml"))).toBe(true);
  });
});
