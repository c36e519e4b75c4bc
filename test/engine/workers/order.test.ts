import { describe, expect, test } from "bun:test";
import type { Task } from "../../../src/domain/job.ts";
import { type Hello, type Offer, readOffer } from "../../../src/domain/workers/protocol.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";
import { fakeWorker } from "../../support/workers/fake-worker.ts";
import { remoteJob, startWithWorkers } from "../../support/workers/started.ts";

const PRIORITIES = { low: -50, normal: 0, high: 50 } as const;
type Name = keyof typeof PRIORITIES;

/** Starts petit, triggers jobs with these priorities, and returns their offers, and a worker that claims them. */
const startWaiting = async (names: readonly Name[], { runsOn = {}, hello = {}, env = {}, task = {} }: Given = {}) => {
  const jobs = Object.entries(PRIORITIES).map(([id, priority]) =>
    remoteJob(id, { runsOn: runsOn[id] ?? ["gpu"], environment: env, ...task[id] }, { priority }),
  );
  const clock = new FakeClock();
  const { petit, transport } = await startWithWorkers({ jobs, clock });
  const box = fakeWorker(transport, "box7", { labels: ["gpu", "big"], ...hello });
  await box.hello();
  const offers: Offer[] = [];
  for (const name of names) {
    await petit.trigger(name);
    offers.push((await transport.offered(offers.length)).offer);
  }
  return { petit, transport, box, offers, clock };
};

type Given = {
  readonly runsOn?: Readonly<Record<string, readonly string[]>>;
  readonly hello?: Partial<Hello>;
  readonly env?: Readonly<Record<string, string>>;
  readonly task?: Readonly<Record<string, Partial<Task>>>;
};

/** Returns the attempt that a claim is told to start first, or that it was granted. */
const toldBy = (
  answer: Awaited<ReturnType<ReturnType<typeof fakeWorker>["claim"]>>,
  claimed: Offer,
): number | string => {
  if ("failed" in answer) return answer.failed;
  if (answer.granted) return claimed.attempt;
  return answer.reason === "not_first" ? answer.first.attempt : answer.reason;
};

describe("a claim", () => {
  test("is answered with the offer of the highest priority that the worker can take", async () => {
    const { petit, box, offers } = await startWaiting(["low", "normal", "high"]);
    await using _ = petit;
    const [low, normal, high] = offers;
    if (low === undefined || normal === undefined || high === undefined) throw new Error("there are no offers");
    const answer = await box.claim(low, { passed: [] });
    expect(answer).toMatchObject({ granted: false, reason: "not_first", isOpen: true });
    if (!("first" in answer) || !("offer" in answer.first)) throw new Error("no offer was handed over");
    expect(readOffer(JSON.parse(answer.first.offer))).toMatchObject({ attempt: high.attempt, epoch: 1 });
    expect(toldBy(await box.claim(low, { passed: [high.attempt] }), low)).toBe(normal.attempt);
    expect(toldBy(await box.claim(high, { passed: [] }), high)).toBe(high.attempt);
    expect(toldBy(await box.claim(low, { passed: [] }), low)).toBe(normal.attempt);
    expect(toldBy(await box.claim(normal, { passed: [] }), normal)).toBe(normal.attempt);
    expect(toldBy(await box.claim(low, { passed: [] }), low)).toBe(low.attempt);
  });

  test("of a worker that starts only what it claims is granted", async () => {
    const { petit, box, offers } = await startWaiting(["low", "high"]);
    await using _ = petit;
    const [low] = offers;
    expect(low && (await box.claim(low))).toMatchObject({ granted: true });
  });

  test("that is repeated is granted again, whatever waits", async () => {
    const { petit, box, offers } = await startWaiting(["low"]);
    await using _ = petit;
    const [low] = offers;
    expect(low && (await box.claim(low, { passed: [] }))).toMatchObject({ granted: true });
    await petit.trigger("high");
    expect(low && (await box.claim(low, { passed: [] }))).toMatchObject({ granted: true });
  });

  test.each([
    { what: "of other labels", given: { runsOn: { high: ["other"] } } },
    {
      what: "of features that it does not know",
      given: { hello: { features: ["ssh"] }, task: { high: { artifacts: ["*"] } } },
    },
    { what: "of a type that it does not allow", given: { hello: { allowedTypes: ["python"] } } },
  ])("passes over offers $what", async ({ given }) => {
    const { petit, box, offers } = await startWaiting(["low", "high"], given);
    await using _ = petit;
    const [low] = offers;
    expect(low && (await box.claim(low, { passed: [] }))).toMatchObject({ granted: true });
  });

  test("of an older attempt comes first if its priority is the same, once its message had time to arrive", async () => {
    const { petit, box, offers, clock } = await startWaiting(["normal", "normal"], { runsOn: { normal: ["big"] } });
    await using _ = petit;
    const [older, younger] = offers;
    if (older === undefined || younger === undefined) throw new Error("there are no offers");
    await clock.pass(1_000);
    expect(toldBy(await box.claim(younger, { passed: [] }), younger)).toBe(older.attempt);
    expect(toldBy(await box.claim(older, { passed: [] }), older)).toBe(older.attempt);
    expect(toldBy(await box.claim(younger, { passed: [] }), younger)).toBe(younger.attempt);
  });

  test("of a cancelled attempt is not waited for", async () => {
    const { petit, box, offers } = await startWaiting(["low", "high"]);
    await using _ = petit;
    const [low, high] = offers;
    if (high === undefined) throw new Error("there is no offer");
    await petit.engine.cancel(high.run.id);
    expect(low && (await box.claim(low, { passed: [] }))).toMatchObject({ granted: true });
  });

  test("gets a large offer as a file, which is deleted with the attempt", async () => {
    const { petit, transport, box, offers } = await startWaiting(["low", "high"], {
      env: { LARGE: "x".repeat(100_000) },
    });
    await using _ = petit;
    const [low, high] = offers;
    if (low === undefined || high === undefined) throw new Error("there are no offers");
    const answer = await box.claim(low, { passed: [] });
    if (!("first" in answer) || !("stored" in answer.first)) throw new Error("no file was handed over");
    const content = transport.scripts.get(answer.first.stored);
    expect(readOffer(JSON.parse(new TextDecoder().decode(content)))).toMatchObject({ attempt: high.attempt });
    expect(await box.claim(low, { passed: [] })).toEqual(answer);
    await box.claim(high, { passed: [] });
    await box.outcome(high);
    await petit.ended(high.run.id);
    expect(transport.scripts.size).toBe(0);
  });

  test("of a worker without a lease is not answered with attempts that may be started elsewhere", async () => {
    const { petit, transport } = await startWithWorkers({
      jobs: [remoteJob("low"), remoteJob("high", {}, { priority: 1, onInterrupt: "rerun" })],
    });
    await using _ = petit;
    const box = fakeWorker(transport, "box7");
    await box.hello();
    await petit.trigger("low");
    const { offer } = await transport.offered();
    await petit.trigger("high");
    await transport.offered(1);
    expect(await box.claim(offer, { passed: [], takesRerun: true })).toMatchObject({ reason: "not_first" });
    expect(await box.claim(offer, { passed: [], takesRerun: false })).toMatchObject({ granted: true });
  });
});
