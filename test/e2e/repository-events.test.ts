import { describe, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { startWithRepository } from "../support/git/petit.ts";
import { post, readEvents, takeUntil } from "../support/petit/api.ts";

const job = (id: string): string => `id: ${id}\ntasks: [{id: only, type: command, command: "true"}]\n`;

describe("the events of the repository with the job files", () => {
  test("say that a commit is taken, refused or chosen, and that the server is lost; nothing if nothing is new", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") });
    const { origin } = petit;
    const first = origin.git("rev-parse", "HEAD");
    await post(petit, "/api/jobs/sync");
    const events = readEvents(await petit.fetch("/api/events"));
    const sync = () => post(petit, "/api/jobs/sync");
    await sync();
    origin.push({ "jobs/bad.yaml": "id: bad\n" });
    await sync();
    await sync();
    await post(petit, "/api/jobs/pin", { commit: first });
    await post(petit, "/api/jobs/follow");
    renameSync(origin.path, `${origin.path}.away`);
    await sync();
    renameSync(`${origin.path}.away`, origin.path);
    origin.push({ "jobs/bad.yaml": null });
    await sync();
    await post(petit, "/api/scheduler/pause");
    const seen = (await takeUntil(events, ({ event }) => event === "scheduler.paused")).flatMap(({ event, data }) =>
      event === "jobs.repository" ? [JSON.parse(data).status] : event === "jobs.reloaded" ? ["reloaded"] : [],
    );
    // A commit is refused, another one is chosen, the newest is followed and refused again, the server is lost, and a commit is taken.
    expect(seen).toEqual(["refused", "ok", "ok", "refused", "failed", "reloaded", "ok"]);
  });

  test("come from petit itself, when it looks for commits", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": job("hello") }, "1s");
    const events = readEvents(await petit.fetch("/api/events"));
    petit.origin.push({ "jobs/bad.yaml": "id: bad\n" });
    const seen = await takeUntil(events, ({ event, data }) => event === "jobs.repository" && data.includes("refused"));
    expect(JSON.parse(seen.at(-1)?.data ?? "{}")).toMatchObject({ status: "refused" });
  });
});
