import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf, eventually } from "../support/torture/run.ts";

/** Loaded into petit by the runtime. Does what the file `fault` in the working directory says, once each time that there is one. */
const FAULTS = `
import { existsSync, readFileSync, rmSync } from "node:fs";
const faults = {
  timer: () => { setTimeout(() => { throw new Error("a fault in a timer"); }, 0); },
  promise: () => { void Promise.reject(new Error("a fault in a promise")); },
  text: () => { void Promise.reject("only a text"); },
};
if (process.argv.includes("run")) setInterval(() => {
  if (!existsSync("fault")) return;
  const kind = readFileSync("fault", "utf8").trim();
  if (kind === "") return;
  rmSync("fault");
  faults[kind]();
}, 20);
`;

const JOBS = {
  "jobs.yaml": `id: waiting
tasks:
  - {id: wait, type: shell, script: 'until [ -e go ]; do sleep 0.05; done; echo done'}
  - {id: after, type: command, command: "true", depends_on: [wait]}
---
id: plain
tasks: [{id: only, type: command, command: "true"}]
---
id: tick
schedule: "* * * * * *"
tasks: [{id: only, type: command, command: "true"}]
`,
};

const health = async (petit: Petit) => (await ask(petit, "/api/health")).body;

const logged = (petit: Petit) =>
  petit
    .stderr()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter(({ level }) => level === "error");

describe("an error in petit that nothing handles", () => {
  test.each([
    ["timer", "a fault in a timer"],
    ["promise", "a fault in a promise"],
    ["text", "only a text"],
  ])(
    "of a %s is logged, counts against health, and needs attention, while runs and schedules go on",
    async (kind, text) => {
      using folder = tempDir();
      const preload = join(folder.path, "faults.ts");
      writeFileSync(preload, FAULTS);
      const env = { BUN_OPTIONS: `--preload=${preload}` };
      await using first = await startPetit({ jobs: JOBS, env });
      const runId = await start(first, "waiting");
      expect(await health(first)).toMatchObject({ status: "ok" });
      writeFileSync(join(first.dir, "fault"), kind);

      await eventually("health says so", async () => (await health(first)).status === "degraded" || null);
      const error = `internal error: ${text}`;
      expect((await health(first)).reasons).toMatchObject([
        { code: "internal_error", job_id: null, run_id: null, error },
      ]);
      const { items } = (await ask(first, "/api/attention")).body;
      const own = items.filter(({ kind }: { readonly kind: string }) => kind === "internal_error");
      expect(own).toMatchObject([{ kind: "internal_error", severity: "error", job_id: null, run_id: null, error }]);
      const [entry] = logged(first);
      expect(entry.err.message).toBe(text);
      expect(entry.err.stack).toBeString();
      expect(entry.msg).toBe("petit failed at something, and goes on; restart it if something does not work");
      expect(
        first
          .stderr()
          .split("\n")
          .filter((line) => line !== "" && !line.startsWith("{")),
      ).toEqual([]);

      const ticks = async () => (await ask(first, "/api/jobs/tick/runs?limit=1000")).body.count;
      const before = await ticks();
      await eventually("the schedule goes on", async () => (await ticks()) > before || null);
      expect(await runToEnd(first, "plain")).toMatchObject({ status: "completed" });
      expect((await ask(first, `/api/runs/${runId}`)).body.status).toBe("running");

      await first.kill();
      rmSync(join(first.jobsDir, "jobs.yaml"));
      writeFileSync(join(first.jobsDir, "jobs.yaml"), JOBS["jobs.yaml"]);
      await using second = await startPetit({ dir: first.dir });
      expect(await health(second)).toMatchObject({ status: "ok" });
      writeFileSync(join(first.dir, "go"), "");
      expect(await endOf(second, runId)).toMatchObject({ status: "completed" });
      expect((await post(second, "/api/jobs/plain/trigger?wait=10")).status).toBe(200);
    },
  );
});
