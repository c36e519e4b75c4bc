import { describe, expect, test } from "bun:test";
import { petit, tempFolder } from "../support/cli.ts";

describe("a job with @reboot", () => {
  test("is valid and listed, although it has no occurrence in time", async () => {
    using folder = tempFolder();
    folder.write("jobs/a.yaml", 'id: tunnel\nschedule: "@reboot"\ntasks: [{id: t, type: shell, script: "true"}]\n');
    const run = (...args: string[]) => petit(args, { cwd: folder.path });
    expect((await run("validate", "jobs")).status).toBe(0);
    expect((await run("list", "jobs")).stdout).toMatch(/tunnel +@reboot +at boot/);
    expect(await run("next", "jobs")).toMatchObject({
      status: 0,
      stdout: "at each boot of the machine: tunnel\n",
      stderr: "",
    });
    expect((await run("next", "jobs", "tunnel")).stderr).toContain("tunnel runs at each boot of the machine");
  });
});
