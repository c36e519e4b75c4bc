import { describe, expect, test } from "bun:test";
import type { Log } from "../../src/lib/log.ts";
import { silentLog } from "../../src/lib/log.ts";
import { job, jobId, schedule, shell } from "../support/engine/factories.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";
import { gate } from "../support/engine/gate.ts";
import { startEngine } from "../support/engine/started-engine.ts";

/** A log that collects its errors. */
const listening = () => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (_, message) => errors.push(message) };
  return { log, errors };
};

const fail = (): never => {
  throw new Error("a listener that fails");
};

describe("listeners", () => {
  test("receive events until they are removed", async () => {
    await using petit = await startEngine({ jobs: [job("hello")] });
    const received: string[] = [];
    const end = petit.engine.onEvent(({ type }) => received.push(type));
    await petit.run("hello");
    end();
    await petit.run("hello");
    expect(received).toEqual(["run.started", "task.started", "task.finished", "run.finished"]);
  });

  test("are called for new output and the end of their run, and for no other run", async () => {
    using door = gate();
    await using petit = await startEngine({
      jobs: [job("slow", { tasks: [shell("t", `echo one; ${door.wait}`)] }), job("other")],
    });
    const { id } = await petit.trigger("slow");
    const received: string[] = [];
    petit.engine.onOutput(id, () => received.push(`${petit.read(id).run.status} ${petit.read(id).output().length}`));
    await petit.written(id, "one\n");
    await petit.run("other");
    expect(received).toEqual(["running 4"]);
    door.open();
    await petit.ended(id);
    expect(received.at(-1)).toBe("completed 4");
  });

  test("that throw affect neither the stored state nor the run", async () => {
    const { log, errors } = listening();
    const clock = new FakeClock();
    const jobs = [job("tick", { schedule: schedule("* * * * *"), tasks: [shell("t", "echo one")] })];
    await using petit = await startEngine({ jobs, log, clock });
    petit.engine.onEvent(fail);
    const received: string[] = [];
    petit.engine.onEvent(({ type }) => received.push(type));
    await clock.pass(60_000);
    const { runId } = await petit.event("run.finished");
    expect(petit.read(runId ?? expect.unreachable()).run.status).toBe("completed");
    expect(petit.store.occurrences.list(jobId("tick"), { limit: 9 })).toHaveLength(1);
    expect(received).toContain("run.finished");
    expect(petit.engine.counts).toEqual({ pending: 0, running: 0 });
    const run = await petit.trigger("tick");
    petit.engine.onOutput(run.id, fail);
    expect((await petit.ended(run.id)).output()).toBe("one\n");
    expect(errors.length).toBeGreaterThan(4);
    expect(new Set(errors)).toEqual(new Set(["a listener failed"]));
  });
});
