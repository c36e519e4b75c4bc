import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { post, readEvents, runToEnd, take, takeUntil } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = { "jobs.yaml": "id: hello\ntasks: [{id: only, type: shell, script: 'exit 3'}]" };

let petit: Petit;
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
});
afterAll(() => petit[Symbol.asyncDispose]());

const events = async (lastEventId?: string) =>
  readEvents(
    await petit.fetch("/api/events", { headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId } }),
  );

describe("the stream of events", () => {
  test("has each event with the fields that apply", async () => {
    const response = await petit.fetch("/api/events");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("text/event-stream");
    const stream = readEvents(response);
    const run = await runToEnd(petit, "hello");
    const seen = await takeUntil(stream, (event) => event.event === "run.finished");
    expect(seen.map((event) => event.event)).toEqual(["run.started", "task.started", "task.finished", "run.finished"]);
    const data = seen.map((event) => JSON.parse(event.data));
    for (const [index, each] of data.entries()) {
      expect(each).toMatchObject({ job_id: "hello", run_id: run.id });
      expect(String(each.seq)).toBe(seen[index]?.id ?? "");
      expect(Math.abs(each.at - run.ended_at)).toBeLessThan(10_000);
      expect(Object.values(each)).not.toContain(null);
    }
    expect(data[0]).not.toHaveProperty("task_id");
    expect(data[2]).toMatchObject({ task_id: "only", status: "failed", reason: "exit_code" });
    expect(data[3]).toMatchObject({ status: "failed" });
    expect(Object.keys(data[2]).sort()).toEqual(["at", "job_id", "reason", "run_id", "seq", "status", "task_id"]);
  });

  test("has pause, resume and reload", async () => {
    const stream = await events();
    await post(petit, "/api/scheduler/pause");
    await post(petit, "/api/scheduler/resume");
    await post(petit, "/api/jobs/reload");
    const seen = await takeUntil(stream, (event) => event.event === "jobs.reloaded");
    expect(seen.map((event) => event.event)).toEqual(["scheduler.paused", "scheduler.resumed", "jobs.reloaded"]);
    expect(JSON.parse(seen[0]?.data ?? "")).not.toHaveProperty("run_id");
  });

  test("begins with the next event without Last-Event-ID", async () => {
    await runToEnd(petit, "hello");
    const stream = await events();
    await post(petit, "/api/scheduler/pause");
    expect((await take(stream, 1)).map((event) => event.event)).toEqual(["scheduler.paused"]);
    await post(petit, "/api/scheduler/resume");
  });

  test("resumes after any event without gaps or duplicates, while more occur", async () => {
    const live = await events();
    const runs = Array.from({ length: 10 }, () => runToEnd(petit, "hello"));
    const seen = await take(live, 40);
    await Promise.all(runs);
    const ids = seen.map((event) => Number(event.id));
    expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
    for (const from of [0, 1, 20, 39]) {
      const more = runToEnd(petit, "hello");
      const resumed = await take(await events(String(ids[from])), 39 - from + 4);
      expect(resumed.slice(0, 39 - from)).toEqual(seen.slice(from + 1));
      expect(resumed.map((event) => Number(event.id))).toEqual(resumed.map((_, index) => (ids[from] ?? 0) + 1 + index));
      await more;
    }
  });

  test("resumes over a restart", async () => {
    const dir = petit.dir;
    const [first] = await take(await events("0"), 1);
    expect(first?.id).toBe("1");
    const run = await runToEnd(petit, "hello");
    const before = await takeUntil(
      await events("0"),
      (event) => event.event === "run.finished" && event.data.includes(run.id),
    );
    await petit.kill();
    petit = await startPetit({ dir, jobs: JOBS, args: ["--no-watch"] });
    const after = await take(await events("0"), before.length);
    expect(after).toEqual(before);
    const stream = await events(before.at(-1)?.id);
    await post(petit, "/api/scheduler/pause");
    const [next] = await takeUntil(stream, (event) => event.event === "scheduler.paused");
    expect(Number(next?.id)).toBe(Number(before.at(-1)?.id) + 1);
    await post(petit, "/api/scheduler/resume");
  });

  test.each(["999999999", "abc", "-1", "1.5"])("begins with the next event after an unknown id: %p", async (id) => {
    const stream = await events(id);
    await post(petit, "/api/scheduler/pause");
    await post(petit, "/api/scheduler/resume");
    expect((await take(stream, 2)).map((event) => event.event)).toEqual(["scheduler.paused", "scheduler.resumed"]);
  });
});
