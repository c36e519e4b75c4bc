import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KEPT_SCHEMAS, layDatabase } from "../support/fixture-database.ts";
import { startPetit } from "../support/petit.ts";
import { ask, runToEnd } from "../support/petit-api.ts";
import { receiver } from "../support/receiver.ts";
import { endOf } from "../support/torture-run.ts";

/** Starts petit on what an earlier version left when it was killed; what its tasks waited for has happened meanwhile. */
const upgraded = async (schema: number, env: Readonly<Record<string, string>> = {}) => {
  const dir = mkdtempSync(join(tmpdir(), "petit-upgrade-"));
  const { answers } = layDatabase(schema, dir);
  await Bun.write(join(dir, "go"), "");
  return { ...(await startPetit({ dir, args: ["--no-watch"], env })), answers };
};

describe.each(KEPT_SCHEMAS)("on a database of schema %d petit", (schema) => {
  test("answers what the petit of that time did", async () => {
    await using petit = await upgraded(schema);
    expect(petit.answers.size).toBeGreaterThan(20);
    for (const [path, before] of petit.answers) {
      const now = path.endsWith("/logs") ? await (await petit.fetch(path)).text() : (await ask(petit, path)).body;
      // Newer answers may say more.
      expect([path, now]).toEqual([path, typeof before === "string" ? before : containing(before)]);
    }
  });

  test("goes on with what ran, and starts what waited", async () => {
    await using petit = await upgraded(schema);
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
    await using petit = await upgraded(schema);
    expect((await ask(petit, "/api/scheduler/state")).body).toMatchObject({ is_paused: true });
    const { id, status } = await runToEnd(petit, "report", { day: "sunday" });
    expect(status).toBe("completed");
    const { body } = await ask(petit, "/api/runs?limit=1");
    expect(body.runs[0].id).toBe(id);
    expect(petit.stderr()).not.toContain('"level":"error"');
  });

  // Notifications came with schema 2.
  if (schema < 2) return;
  test("tells what nobody had taken yet", async () => {
    await using hook = receiver();
    await using petit = await upgraded(schema, { PETIT_HOOK_URL: hook.url });
    const [first] = await hook.first(1);
    expect(JSON.parse(first?.body ?? "")).toMatchObject({ event: "failure", job: { id: "breaks" } });
    expect(await petit.stop()).toBe(0);
  });
});

/** At least these fields, at any depth; lists of the same length. */
const containing = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(containing);
  if (typeof value !== "object" || value === null) return value;
  return expect.objectContaining(
    Object.fromEntries(Object.entries(value).map(([key, each]) => [key, containing(each)])),
  );
};
