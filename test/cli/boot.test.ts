import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { bootId } from "../../src/engine/attempt/identity.ts";
import { petit, tempFolder } from "../support/cli.ts";
import { ask, post } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

const JOBS = ["plain", "gated", "paused", "off", "jitter"]
  .map((id) => {
    const more = id === "gated" ? "depends_on: [up]\n" : id === "off" ? "enabled: false\n" : "";
    const schedule = id === "jitter" ? '{cron: "@reboot", jitter: 10d}' : '"@reboot"';
    return `id: ${id}\n${more}schedule: ${schedule}\ntasks: [{id: t, type: shell, script: "true"}]\n---\n`;
  })
  .concat('id: up\ntasks: [{id: t, type: shell, script: "true"}]\n')
  .join("");

// Only Linux tells boots apart.
const testBoots = test.skipIf(bootId() === "");

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

  testBoots("is explained by petit why: when it starts next, and why it did not start", async () => {
    using folder = tempFolder();
    const options = { dir: folder.path, jobs: { "a.yaml": JOBS } };
    const whyOf = async (running: Petit, id: string): Promise<string> =>
      (await petit(["why", id, "--url", running.url])).stdout;
    const next = (text: string) => expect.stringMatching(new RegExp(`^next run +${text}$`, "m"));
    const history = (text: string) => expect.stringMatching(new RegExp(`^history +${text}`, "m"));
    const first = await startPetit(options);
    for (const id of ["plain", "gated", "off"]) {
      expect(await whyOf(first, id)).toEqual(history("no occurrences yet"));
      expect((await ask(first, `/api/jobs/${id}`)).body.next_run_at).toBeNull();
    }
    const known = "at the next boot of the machine: it first starts at the boot after petit has read it";
    for (const id of ["plain", "gated", "jitter"]) expect(await whyOf(first, id)).toEqual(next(known));
    await post(first, "/api/jobs/paused/pause");
    await first.stop();
    {
      using db = new Database(first.dbPath);
      db.run("UPDATE jobs SET boot_id = 'the boot before' WHERE boot_id IS NOT NULL");
    }
    await using second = await startPetit(options);
    await eventually("the job has run", async () =>
      (await ask(second, "/api/jobs/plain")).body.last_run?.status === "completed" ? true : null,
    );
    const plain = await whyOf(second, "plain");
    expect(plain).toEqual(next("at the next boot of the machine"));
    expect(plain).toEqual(history("\\S+ \\S+ \\S+ +fired: run "));
    expect((await ask(second, "/api/jobs/plain")).body.next_run_at).toBeNull();
    for (const [id, reason] of [
      ["gated", "skipped: a gate was shut: 'up' had never run"],
      ["paused", "skipped: the scheduler or the job was paused"],
      ["off", "skipped: the job was disabled"],
    ] as const) {
      const text = await whyOf(second, id);
      expect(text).toEqual(history(`\\S+ \\S+ \\S+ +${reason}`));
      expect(text).toEqual(
        next(id === "off" ? "only when triggered: the job is disabled" : "at the next boot of the machine"),
      );
    }
    expect(await whyOf(second, "jitter")).toEqual(
      next("in .*, at .*, by jitter; due at .*, and at the next boot of the machine"),
    );
  });
});
