import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import type { Digest } from "../../../src/domain/review/digest.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { type StartedEngine, startEngine } from "../../support/engine/started-engine.ts";
import { type Received, type Receiver, receiver } from "../../support/receiver.ts";
import { recordingLog } from "../../support/recording-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Monday, 07:00 in UTC. */
const MONDAY = Date.UTC(2026, 0, 12, 7);

const digestTo = (
  hook: Receiver,
  given: Partial<Digest> = {},
): { readonly digest: Digest; readonly folder: string } => ({
  digest: {
    at: "0 8 * * mon",
    timezone: null,
    tag: null,
    targets: [{ type: "webhook", url: hook.url, headers: {}, secret: null, on: ["failure"], timeoutMs: 10_000 }],
    ...given,
  },
  folder: "/",
});

const bodyOf = ({ body }: Received | undefined = { path: "", method: "", headers: new Headers(), body: "{}" }) =>
  JSON.parse(body);

const JOBS = [
  job("breaks", { tags: ["etl"], tasks: [shell("a", "echo 'error: no space' >&2; exit 1")] }),
  job("other"),
];

const digestsOf = ({ store }: StartedEngine) =>
  store.notifications.list({ limit: 50 }).filter(({ event }) => event === "digest");

describe("a digest", () => {
  test("tells once what happened since the last one, over restarts", async () => {
    await using hook = receiver();
    using dir = tempDir();
    const clock = new FakeClock(MONDAY - 3 * DAY);
    const options = {
      dir: dir.path,
      jobs: JOBS,
      clock,
      digest: digestTo(hook),
      settings: { publicUrl: "https://petit.example" },
    };
    {
      await using petit = await startEngine(options);
      await petit.run("breaks");
      await clock.pass(3 * DAY + HOUR);
      const [first] = await hook.first(1);
      expect(first?.headers.get("petit-event")).toBe("digest");
      expect(bodyOf(first)).toMatchObject({
        event: "digest",
        digest: { from: MONDAY - 3 * DAY, title: "Review: 1 still broken, 0 recovered, 0 slower" },
        url: expect.stringContaining(
          "https://petit.example/review?since=2026-01-09T07%3A00%3A00.000Z&until=2026-01-12T08",
        ),
      });
      expect(bodyOf(first).digest.lines).toContain("Failed, and still broken: breaks (failed once).");
      await petit.stop("drain");
    }
    {
      await using petit = await startEngine(options);
      await clock.pass(HOUR);
      expect(hook.received).toHaveLength(1);
      await petit.stop("drain");
    }
    // Two occurrences pass while petit is down.
    clock.step(15 * DAY);
    await using petit = await startEngine(options);
    const list = await hook.first(2);
    await petit.stop("drain");
    expect(hook.received).toHaveLength(2);
    expect(bodyOf(list[1]).digest.from).toBe(bodyOf(list[0]).digest.to);
  });

  test("says of a job that failed before it that it is still broken, and then that it recovered", async () => {
    await using hook = receiver();
    using dir = tempDir();
    const clock = new FakeClock(MONDAY - 3 * DAY);
    const mended = dir.file("mended");
    const heals = job("heals", { tasks: [shell("a", `test -e '${mended}'`)] });
    await using petit = await startEngine({ jobs: [heals], clock, digest: digestTo(hook, { at: "0 8 * * *" }) });
    const sent = async (afterMs: number): Promise<void> => {
      const delivered = new Promise<void>((resolve) => petit.engine.onSending(() => resolve()));
      await clock.pass(afterMs);
      await delivered;
    };
    await petit.run("heals");
    await sent(HOUR);
    await sent(DAY);
    await writeFile(mended, "");
    await petit.run("heals");
    await sent(DAY);
    const [first, second, third] = (await hook.first(3)).map((each) => bodyOf(each).digest);
    expect([first, second, third].map(({ title }) => title)).toEqual([
      "Review: 1 still broken, 0 recovered, 0 slower",
      "Review: 1 still broken, 0 recovered, 0 slower",
      "Review: 0 still broken, 1 recovered, 0 slower",
    ]);
    expect(second.lines).toEqual([
      "No run ended.",
      "Failed, and still broken: heals (failing since 2026-01-09 07:00 UTC).",
    ]);
    expect([second.is_broken, third.is_broken]).toEqual([true, false]);
  });

  test("is about the jobs with its tag, at a time in its zone", async () => {
    await using hook = receiver();
    const clock = new FakeClock(MONDAY - HOUR);
    const digest = digestTo(hook, { tag: "nobody", timezone: "Europe/Paris" });
    await using petit = await startEngine({ jobs: JOBS, clock, digest });
    await petit.run("breaks");
    await clock.pass(HOUR);
    const [first] = await hook.first(1);
    expect(bodyOf(first).digest).toMatchObject({
      tag: "nobody",
      title: "Review: 0 still broken, 0 recovered, 0 slower",
      lines: ["No job has the tag nobody.", "No run ended."],
    });
  });

  test("is not sent twice after the clock was set back by an hour", async () => {
    await using hook = receiver();
    const clock = new FakeClock(MONDAY);
    await using petit = await startEngine({ jobs: JOBS, clock, digest: digestTo(hook) });
    await clock.pass(HOUR);
    await hook.first(1);
    clock.step(-2 * HOUR);
    await clock.pass(4 * HOUR);
    expect(digestsOf(petit)).toHaveLength(1);
  });

  test("shows as undelivered where notifications do, while its receiver refuses it", async () => {
    await using hook = receiver(() => new Response("no", { status: 404 }));
    const clock = new FakeClock(MONDAY);
    const log = recordingLog();
    await using petit = await startEngine({ jobs: JOBS, clock, log, digest: digestTo(hook) });
    const ended = new Promise<void>((resolve) =>
      petit.engine.onSending(({ outcome }) => outcome !== "failed" && resolve()),
    );
    await clock.pass(HOUR);
    await ended;
    expect(petit.store.notifications.listUndeliveredTargets(0)).toMatchObject([{ jobId: null, count: 1 }]);
    const { items } = await petit.engine.listAttention(10);
    expect(items.map(({ kind }) => kind)).toContain("notifications_undelivered");
  });
});
