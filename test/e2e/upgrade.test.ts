import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyFixtureDatabase, FIXTURE_SCHEMAS } from "../support/engine/fixture-database.ts";
import { ask, runToEnd } from "../support/petit/api.ts";
import { startPetit } from "../support/petit/petit.ts";
import { receiver } from "../support/receiver.ts";
import { endOf } from "../support/torture/run.ts";

/** Starts petit on the database of a killed older version, whose tasks have ended meanwhile. */
const startUpgraded = async (schema: number, env: Readonly<Record<string, string>> = {}) => {
  const dir = mkdtempSync(join(tmpdir(), "petit-upgrade-"));
  const { answers } = copyFixtureDatabase(schema, dir);
  await Bun.write(join(dir, "go"), "");
  return { ...(await startPetit({ dir, args: ["--no-watch"], env })), answers };
};

describe.each(FIXTURE_SCHEMAS)("petit on a database of schema %d", (schema) => {
  test("returns the same responses as the older version", async () => {
    await using petit = await startUpgraded(schema);
    expect(petit.answers.size).toBeGreaterThan(20);
    for (const [path, before] of petit.answers) {
      const now = path.endsWith("/logs") ? await (await petit.fetch(path)).text() : (await ask(petit, path)).body;
      // Newer responses may have more fields.
      expect([path, now]).toEqual([path, typeof before === "string" ? before : containing(before)]);
    }
  });

  test("continues the running runs, and starts the pending ones", async () => {
    await using petit = await startUpgraded(schema);
    const ends = async (job: string) => {
      const { body } = await ask(petit, `/api/jobs/${job}/runs?limit=1000`);
      return await Promise.all(body.runs.map(({ id }: { id: string }) => endOf(petit, id)));
    };
    const [goesOn] = await ends("goes_on");
    expect(goesOn).toMatchObject({ status: "completed", log: "begun\nover\nkept\n" });
    expect((await ends("waits")).map(({ status }) => status)).toEqual(["interrupted", "interrupted", "cancelled"]);
    const queued = await ends("queues");
    expect(queued.at(0)).toMatchObject({ status: "completed" });
    expect(queued.at(-1)).toMatchObject({ status: "interrupted" });
  });

  test("stays paused, takes new runs, and numbers them after the old ones", async () => {
    await using petit = await startUpgraded(schema);
    expect((await ask(petit, "/api/scheduler/state")).body).toMatchObject({ is_paused: true });
    const { id, status } = await runToEnd(petit, "report", { day: "sunday" });
    expect(status).toBe("completed");
    const { body } = await ask(petit, "/api/runs?limit=1");
    expect(body.runs[0].id).toBe(id);
    expect(petit.stderr()).not.toContain('"level":"error"');
  });

  // Schema 2 introduced notifications.
  if (schema < 2) return;
  test("sends the notifications that were queued", async () => {
    await using hook = receiver();
    await using petit = await startUpgraded(schema, { PETIT_HOOK_URL: hook.url });
    const [first] = await hook.first(1);
    expect(JSON.parse(first?.body ?? "")).toMatchObject({ event: "failure", job: { id: "breaks" } });
    expect(await petit.stop()).toBe(0);
  });
});

/** Matches values with at least these fields, at any depth, and lists of the same length. A run can recover a job meanwhile. */
const containing = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(containing);
  if (typeof value !== "object" || value === null) return value;
  return expect.objectContaining(
    Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== "recovered_by")
        .map(([key, each]) => [key, containing(each)]),
    ),
  );
};
