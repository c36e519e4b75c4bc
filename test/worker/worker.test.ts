import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import { PetitError } from "../../src/domain/errors.ts";
import { newRunId } from "../../src/domain/ids.ts";
import type { Offer, SignedOffer } from "../../src/domain/workers/protocol.ts";
import { identify, statOf } from "../../src/engine/attempt/identity.ts";
import { readStatus, spoolOf } from "../../src/engine/output/spool.ts";
import type { Frame } from "../../src/lib/wire/frame.ts";
import { generateSigningKey } from "../../src/lib/wire/signing.ts";
import { uptimeMs } from "../../src/worker/lease/guard.ts";
import { program, shell } from "../support/engine/factories.ts";
import { canMount, smallDisk } from "../support/engine/faults.ts";
import { tempDir } from "../support/temp-dir.ts";
import { eventually } from "../support/torture/run.ts";
import type { FakeScheduler } from "../support/workers/fake-scheduler.ts";
import { startWorker } from "../support/workers/started-worker.ts";

/** Returns the answer to a claim by which a scheduler wants another attempt to start first. */
const handing = (scheduler: FakeScheduler, offer: Offer, key = scheduler.key): object => {
  const { header, body } = scheduler.signed(offer, key);
  const first = { attempt: offer.attempt, ...(header as SignedOffer), offer: new TextDecoder().decode(body) };
  return { granted: false, reason: "not_first", isOpen: true, first };
};

const outcomeOf = (scheduler: FakeScheduler, attempt = 5) =>
  eventually("the outcome is handed over", () => scheduler.of(attempt).outcome);

describe("a worker", () => {
  test("runs what is offered, and hands everything over", async () => {
    await using started = startWorker();
    const { scheduler, worker, dir } = started;
    const script = [
      `echo "$PETIT_RUN_ID $PETIT_ATTEMPT $PETIT_TASK_ID"; echo problem >&2`,
      'echo "rows=42" >>"$PETIT_OUTPUT"; echo kept >"$PETIT_ARTIFACTS/file.txt"; pwd',
    ].join("\n");
    const { run } = scheduler.offer(shell("only", script, { workingDir: "." }));
    const { result, artifacts, durationMs } = await outcomeOf(scheduler);
    expect(result).toMatchObject({ outcome: { status: "completed", exitCode: 0 }, outputs: { rows: "42" } });
    expect(durationMs).toBeLessThan(20_000);
    expect(scheduler.of(5).output).toContain(`${run.id} 3 only\n`);
    expect(scheduler.of(5).output).toContain("problem\n");
    expect(scheduler.of(5).output).toContain(`${dir}\n`);
    expect(artifacts).toMatchObject([{ path: "file.txt", size: 5 }]);
    expect(new TextDecoder().decode(scheduler.objects.get(artifacts[0]?.object ?? ""))).toBe("kept\n");
    expect(scheduler.removed).toBe(1);
    await eventually("nothing is left", () => (worker.status.running + worker.status.ended === 0 ? true : null));
  });

  test("starts what the scheduler wants first, and gives back what it had claimed", async () => {
    await using started = startWorker({ slots: 1 });
    const { scheduler } = started;
    const first = scheduler.offerOf(shell("first", "echo first"), { attempt: 7 });
    scheduler.grant = (claim) => (claim.passed === undefined ? scheduler.granted(claim) : handing(scheduler, first));
    scheduler.offer(shell("only", "echo only"));
    await outcomeOf(scheduler, 7);
    expect(scheduler.of(7).output).toBe("first\n");
    expect([scheduler.removed, scheduler.givenBack]).toEqual([0, 1]);
  });

  test("fetches an offer that was too large for the answer to its claim", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    const frame = scheduler.signed(scheduler.offerOf(shell("first", "echo first"), { attempt: 7 }));
    const { sha256: stored } = scheduler.putScript(new TextDecoder().decode(frame.body));
    const first = { attempt: 7, ...(frame.header as SignedOffer), stored };
    scheduler.grant = (claim) =>
      claim.passed === undefined
        ? scheduler.granted(claim)
        : { granted: false, reason: "not_first", isOpen: true, first };
    scheduler.offer(shell("only", "echo only"));
    await outcomeOf(scheduler, 7);
  });

  test.each([
    { what: "is forged", key: generateSigningKey(), isTaken: false },
    { what: "another worker has taken", key: null, isTaken: true },
  ])("starts what it has claimed if the one to start first $what", async ({ key, isTaken }) => {
    await using started = startWorker();
    const { scheduler } = started;
    const first = scheduler.offerOf(shell("first", "echo first"), { attempt: 7 });
    scheduler.grant = (claim) => {
      if (claim.attempt === 7 && isTaken) return { granted: false, reason: "taken", isOpen: false };
      return claim.passed?.length === 0 ? handing(scheduler, first, key ?? scheduler.key) : scheduler.granted(claim);
    };
    scheduler.offer(shell("only", "echo only"));
    await outcomeOf(scheduler);
    expect(scheduler.claims.at(-1)).toMatchObject({ attempt: 5, passed: [7] });
    expect(scheduler.handedOver.has(7)).toBe(false);
  });

  test("runs a script that is sent by its content, whatever the clock of the scheduler shows", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    const file = { ...scheduler.putScript("import sys; print(sys.argv[1:])"), name: "report.py" };
    const task = program("only", "python", { file: "lib/report.py" }, { args: ["a"] });
    scheduler.offer(task, { files: { "lib/report.py": file } });
    await outcomeOf(scheduler);
    expect(scheduler.of(5).output).toBe("['a']\n");
  });

  test("keeps output and outcome while the scheduler is away, and sends them once, in order", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    scheduler.isAway = true;
    goOn(started, "end");
    await eventually("it has ended", () => (existsSync(join(started.dir, "marker")) ? true : null));
    scheduler.isAway = false;
    await outcomeOf(scheduler);
    expect(scheduler.of(5).output).toBe("1\n2\n3\n");
  });

  test("sends an outcome again at once when the scheduler has connected again, which may have lost it", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    scheduler.loses = "outcome";
    scheduler.offer(shell("only", "true"));
    await eventually("the outcome is on its way", () => (scheduler.lost > 0 ? true : null));
    scheduler.loses = "hello";
    await scheduler.control({ kind: "greet" });
    await eventually("a hello is on its way", () => (scheduler.lost > 1 ? true : null));
    scheduler.loses = null;
    scheduler.session = "the next one";
    const restartedAt = performance.now();
    await scheduler.control({ kind: "greet" });
    await outcomeOf(scheduler);
    expect(performance.now() - restartedAt).toBeLessThan(4_000);
  });

  test("claims an offer again when the scheduler has connected again, which may have granted it", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    scheduler.loses = "claim";
    scheduler.offer(shell("only", "true"));
    await eventually("a claim is on its way", () => (scheduler.lost > 0 ? true : null));
    scheduler.loses = null;
    scheduler.session = "the next one";
    await scheduler.control({ kind: "greet" });
    await outcomeOf(scheduler);
    expect(scheduler.claims).toHaveLength(1);
    expect(scheduler.givenBack).toBe(0);
  });

  test("runs no more than its slots at once", async () => {
    await using started = startWorker({ slots: 1 });
    const { scheduler, worker } = started;
    scheduler.offer(COUNTING);
    scheduler.offer(shell("only", "echo second"), { attempt: 6 });
    await eventually("one runs", () => (worker.status.running === 1 ? true : null));
    expect(scheduler.claims).toHaveLength(1);
    goOn(started, "end");
    await outcomeOf(scheduler, 6);
    expect(scheduler.claims).toHaveLength(2);
  });

  test.each(["cancelled", "timeout"] as const)("ends an attempt for the scheduler: %s", async (reason) => {
    await using started = startWorker();
    const { scheduler } = started;
    const end = {
      kind: "end",
      scheduler: scheduler.offer(COUNTING).scheduler,
      epoch: 1,
      reason,
      force: false,
    } as const;
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    expect(await scheduler.control({ ...end, scheduler: "another", attempt: 5 })).toBe(false);
    expect(await scheduler.control({ ...end, attempt: 5 })).toBe(true);
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "failed", reason, signal: "SIGTERM" });
    expect(await scheduler.control({ ...end, attempt: 9 })).toBe(false);
  });

  test("ends and deletes an attempt that is no longer its own", async () => {
    await using started = startWorker();
    const { scheduler, worker } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    scheduler.verdict = () => ({ verdict: "kill", end: null });
    await scheduler.control({ kind: "greet" });
    await eventually("nothing is left", () => (worker.status.running + worker.status.ended === 0 ? true : null));
    expect(scheduler.of(5).outcome).toBeNull();
  });

  test("says that it lacks an attempt that the scheduler takes for its own, but not one that it has", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    scheduler.missing = [5, 6];
    await scheduler.control({ kind: "greet" });
    const lacks = await eventually(
      "it says so",
      () => scheduler.hellos.findLast((hello) => hello.lacks?.length)?.lacks ?? null,
    );
    expect(lacks).toEqual([{ scheduler: "scheduler-1", attempt: 6, epoch: 1 }]);
    scheduler.missing = [];
    goOn(started, "end");
    await outcomeOf(scheduler);
  });

  test("sends an outcome that is too large for a message through the object store", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(shell("large", `head -c 700000 /dev/zero | tr '\\0' x | sed 's/^/text=/' > "$PETIT_OUTPUT"`));
    const { result } = await outcomeOf(scheduler);
    expect(result.outputs.text).toHaveLength(700_000);
  });

  test.each([
    ["is of another protocol", { scheduler: "s", protocol: 2, now: "later" }, "use the same version"],
    ["cannot read its hello", { failed: "invalid" }, "cannot read the hello"],
  ])("takes nothing, and says why, if the scheduler %s", async (_, header, text) => {
    await using started = startWorker();
    const { scheduler, log, worker } = started;
    await eventually("it is accepted", () => (worker.status.isAccepted ? true : null));
    scheduler.request = async () => ({ header, body: new Uint8Array() });
    await scheduler.control({ kind: "greet" });
    await log.holds('"error"', text);
    if ("protocol" in header) expect(worker.status.isAccepted).toBe(false);
  });

  test("takes nothing while it is drained", async () => {
    await using started = startWorker();
    const { scheduler, worker } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    scheduler.isDraining = true;
    expect(await scheduler.control({ kind: "drain" })).toBe(true);
    scheduler.offer(shell("only", "true"), { attempt: 6 });
    expect(worker.status).toMatchObject({ isDraining: true, running: 1 });
    goOn(started, "end");
    await outcomeOf(scheduler);
    expect(scheduler.claims).toHaveLength(1);
    scheduler.isDraining = false;
    await scheduler.control({ kind: "resume" });
    await outcomeOf(scheduler, 6);
  });
});

describe("a worker that starts again", () => {
  test("adopts what runs, and continues its output where the scheduler has it", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    await started.leave();
    goOn(started, 2);
    started.again();
    goOn(started, "end");
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "completed" });
    expect(scheduler.of(5).output).toBe("1\n2\n3\n");
    expect(scheduler.hellos.some(({ holds }) => holds.some(({ state }) => state === "running"))).toBe(true);
  });

  test("hands over what has ended meanwhile", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    await started.leave();
    goOn(started, "end");
    await eventually("it has ended", () => (existsSync(join(started.dir, "marker")) ? true : null));
    started.again();
    await outcomeOf(scheduler);
    expect(scheduler.of(5).output).toBe("1\n2\n3\n");
  });

  test("reports at once what was lost", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.offer(shell("only", "echo $$ >pid; echo 1; exec sleep 60", HERE));
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    await started.leave();
    const leader = statOf(Number(readFileSync(join(started.dir, "pid"), "utf8")))?.group ?? 0;
    process.kill(-leader, "SIGKILL");
    started.again();
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "failed", reason: "interrupted" });
  });
});

describe("the lease of a worker", () => {
  test("ends an attempt that may be started elsewhere while the scheduler is away", async () => {
    await using started = startWorker();
    const { scheduler, log } = started;
    scheduler.lostAfterMs = 900;
    await scheduler.control({ kind: "greet" });
    scheduler.offer(COUNTING, { onInterrupt: "rerun" });
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    scheduler.isAway = true;
    await log.holds("may have been started elsewhere");
    scheduler.isAway = false;
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "failed", reason: "interrupted" });
  });

  test("ends an attempt while the worker is not running", async () => {
    await using started = startWorker();
    const { scheduler, dir } = started;
    scheduler.lostAfterMs = 900;
    await scheduler.control({ kind: "greet" });
    scheduler.offer(COUNTING, { onInterrupt: "rerun" });
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    await started.leave();
    const ended = (): boolean => readdirSync(join(dir, "guarded")).some((name) => name.endsWith(".ended"));
    await eventually("the guard ends it", () => (ended() ? true : null));
    started.again();
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "failed", reason: "interrupted" });
  });

  test("prevents a start when it is over before the files of the attempt exist", async () => {
    const runtime = openRuntime();
    let stateDir = "";
    const isEnded = (): boolean =>
      readdirSync(join(stateDir, "guarded")).some((name) => name.endsWith(".ended")) ||
      readLease(stateDir) < (uptimeMs() ?? 0);
    const typescript: typeof runtime.typescript = (given) => {
      // As if the machine were suspended while the worker prepares the attempt.
      while (!isEnded()) Bun.sleepSync(20);
      Bun.sleepSync(200);
      return runtime.typescript(given);
    };
    await using started = startWorker({ runtime: { ...runtime, typescript } });
    const { scheduler, dir } = started;
    stateDir = dir;
    scheduler.lostAfterMs = 900;
    await scheduler.control({ kind: "greet" });
    const source = { text: "await Bun.write('marker', '')" };
    scheduler.offer(program("only", "typescript", source, { workingDir: "." }), { onInterrupt: "rerun" });
    const { result } = await outcomeOf(scheduler);
    expect(result.outcome).toMatchObject({ status: "failed", reason: "interrupted" });
    expect(existsSync(join(dir, "marker"))).toBe(false);
  });

  test("does not end an attempt that may not be started elsewhere", async () => {
    await using started = startWorker();
    const { scheduler, dir } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    expect(readdirSync(join(dir, "guarded"))).toEqual([]);
  });
});

describe("what a task leaves running", () => {
  test("lives on when the next worker starts", async () => {
    await using started = startWorker();
    const { scheduler, worker, dir } = started;
    // In a session of its own, as nohup and daemons do it.
    scheduler.offer(shell("only", "setsid sleep 300 >/dev/null 2>&1 & echo $! >left", { workingDir: "." }));
    await outcomeOf(scheduler);
    await eventually("nothing is followed", () => (worker.status.running + worker.status.ended === 0 ? true : null));
    const pid = Number(readFileSync(join(dir, "left"), "utf8"));
    try {
      await started.leave();
      started.again();
      scheduler.offer(shell("only", "true"), { attempt: 6 });
      await outcomeOf(scheduler, 6);
      expect(identify(pid)).not.toBeNull();
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
});

describe("a state folder", () => {
  test("that was emptied while a task runs ends the task when the next worker starts", async () => {
    await using started = startWorker();
    const { scheduler, dir } = started;
    scheduler.offer(COUNTING);
    await eventually("it runs", () => (scheduler.of(5).output === "1\n" ? true : null));
    const [attempt] = readdirSync(join(dir, "spool")).filter((name) => /^\d+$/.test(name));
    const { pid } = readStatus(spoolOf(join(dir, "spool"), Number(attempt)));
    await started.leave();
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
    mkdirSync(join(dir, "spool"));
    started.again();
    await eventually("the task has ended", () => (identify(pid ?? 0) === null ? true : null));
  });
});

const FORGER = generateSigningKey();

const REFUSED: readonly (readonly [string, string, (scheduler: FakeScheduler) => void])[] = [
  ["unsigned", "unsigned", (it) => it.deliver({ header: {}, body: it.signed(it.offerOf(TOUCH)).body })],
  ["forged", "forged", (it) => it.deliver(it.signed(it.offerOf(TOUCH), FORGER))],
  ["changed after it was signed", "forged", (it) => it.deliver(changed(it.signed(it.offerOf(TOUCH))))],
  ["expired", "expired", (it) => void it.offer(TOUCH, { expiresAt: it.now() - 60_000 })],
  ["for other labels", "misaddressed", (it) => void it.offer(TOUCH, { labels: ["cpu"] })],
  ["of a type that is not allowed", "type_not_allowed", (it) => void it.offer(program("only", "python", { text: "" }))],
  ["with a script that is not the signed one", "forged", (it) => void it.offer(SCRIPT, { files: damaged(it) })],
  [
    "granted by somebody else",
    "forged",
    (it) => {
      it.grant = (claim) => it.granted(claim, FORGER);
      it.offer(TOUCH);
    },
  ],
  ["of a feature that it does not know", "lacks_features", (it) => it.offer(TOUCH, { features: ["time_travel"] })],
  [
    "replayed",
    "replayed",
    (it) => {
      it.grant = () => ({ granted: false, reason: "replayed", isOpen: false });
      it.offer(TOUCH);
    },
  ],
];

describe("an offer", () => {
  test.each(REFUSED)("that is %s runs nothing and is logged", async (_, reason, deliver) => {
    await using started = startWorker({ allowedTypes: ["shell", "typescript"], slots: 1 });
    const { scheduler, log, dir } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    deliver(scheduler);
    await log.holds('"warn"', `"reason":"${reason}"`);
    expect(scheduler.removed + scheduler.givenBack).toBe(1);
    // The slot is free again.
    scheduler.grant = (claim) => scheduler.granted(claim);
    scheduler.offer(shell("only", "echo next"), { attempt: 6 });
    await outcomeOf(scheduler, 6);
    expect(existsSync(join(dir, "marker"))).toBe(false);
  });

  test("that another key has signed is given back, for workers that trust that key, and logged once", async () => {
    await using started = startWorker({ slots: 1 });
    const { scheduler, log } = started;
    const offer = scheduler.signed(scheduler.offerOf(TOUCH), FORGER);
    scheduler.deliver(offer);
    scheduler.deliver(offer);
    scheduler.offer(shell("only", "true"), { attempt: 6 });
    await outcomeOf(scheduler, 6);
    expect([scheduler.givenBack, scheduler.removed]).toEqual([2, 1]);
    expect(scheduler.hellos.at(-1)?.trusts).toEqual([scheduler.key.publicKey]);
    await log.holds('"reason":"forged"');
  });

  test("that a second key has signed is run by a worker that trusts only that one", async () => {
    const next = generateSigningKey();
    await using started = startWorker({ trust: [next.publicKey] });
    const { scheduler } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    const offer = scheduler.offerOf(shell("only", "true"));
    const { header, body } = scheduler.signed(offer);
    const { signature: further } = scheduler.signed(offer, next).header as SignedOffer;
    scheduler.grant = (claim) => {
      const { proof } = scheduler.granted(claim, next) as { readonly proof: string };
      return { ...scheduler.granted(claim), further: [proof] };
    };
    scheduler.deliver({ header: { ...(header as SignedOffer), further: [further] }, body });
    await outcomeOf(scheduler);
  });

  test("that arrives again is logged as refused only once", async () => {
    await using started = startWorker({ allowedTypes: ["shell"], slots: 1 });
    const { scheduler, log } = started;
    for (let time = 1; time <= 3; time++) scheduler.offer(program("only", "python", { text: "" }));
    scheduler.offer(shell("only", "true"), { attempt: 6 });
    await outcomeOf(scheduler, 6);
    expect(scheduler.givenBack).toBe(3);
    expect(scheduler.hellos.at(-1)?.allowedTypes).toEqual(["shell"]);
    const refusals = log
      .text()
      .match(/.*type_not_allowed.*/g)
      ?.map((line) => JSON.parse(line).level);
    expect(refusals).toEqual(["warn", "debug", "debug"]);
  });

  test("that is delivered again after its attempt was claimed is no warning", async () => {
    await using started = startWorker({ slots: 1 });
    const { scheduler, log } = started;
    scheduler.grant = () => ({ granted: false, reason: "taken", isOpen: false });
    scheduler.offer(TOUCH);
    await log.holds('"debug"', '"reason":"taken"');
    expect([scheduler.removed, scheduler.claims[0]?.message]).toEqual([1, 1]);
  });

  test("is judged by the clock of the scheduler", async () => {
    await using started = startWorker();
    const { scheduler } = started;
    scheduler.skewMs = -3_600_000;
    await scheduler.control({ kind: "greet" });
    await eventually("it has greeted", () => (scheduler.hellos.length > 1 ? true : null));
    scheduler.offer(shell("only", "true"));
    await outcomeOf(scheduler);
  });
});

const HERE = { workingDir: "." };
const TOUCH = shell("only", "touch marker", HERE);

/** Prints 1, 2 and 3, and waits for a file after each. */
const COUNTING = shell(
  "only",
  "for i in 1 2 3; do echo $i; until [ -e go$i ]; do sleep 0.01; done; done; echo end >marker",
  HERE,
);

/** Lets the task go on until it has printed a number, or to its end. */
const goOn = ({ dir }: { readonly dir: string }, to: 2 | 3 | "end"): void => {
  for (let i = 1; i < (to === "end" ? 4 : to); i++) writeFileSync(join(dir, `go${i}`), "");
};

/** Until when attempts may run, in ms since boot. */
const readLease = (dir: string): number => Number(readFileSync(join(dir, "lease"), "utf8").split(" ")[0]) * 10;

const SCRIPT = program("only", "typescript", { file: "script.ts" });

/** Returns files of an offer whose content was exchanged. */
const damaged = (scheduler: FakeScheduler): Offer["files"] => {
  const file = { ...scheduler.putScript("await Bun.write('marker', '')"), name: "script.ts" };
  scheduler.scripts.set(file.sha256, new TextEncoder().encode("await Bun.write('marker', 'other')"));
  return { "script.ts": file };
};

const changed = ({ header, body }: Frame): Frame => {
  const text = new TextDecoder().decode(body).replace("touch marker", "touch MARKER");
  return { header, body: new TextEncoder().encode(text) };
};

describe.skipIf(!canMount)("a worker whose disk is full", () => {
  test("takes nothing, says so, and works again when there is room", async () => {
    using dir = tempDir();
    using disk = smallDisk(dir.path, 8_000_000);
    await using started = startWorker({ dir: dir.path });
    const { scheduler } = started;
    await eventually("it has greeted", () => (scheduler.hellos.at(-1)?.cannotStore === undefined ? true : null));
    disk.fill();
    scheduler.offer(TOUCH);
    await eventually("it says so", () => scheduler.hellos.at(-1)?.cannotStore ?? null);
    expect(scheduler.hellos.at(-1)?.cannotStore).toContain("is full: 0 bytes are free");
    expect([scheduler.givenBack, scheduler.claims.length]).toEqual([1, 0]);
    disk.free();
    await scheduler.control({ kind: "greet" });
    await eventually("it can store", () => (scheduler.hellos.at(-1)?.cannotStore === undefined ? true : null));
    scheduler.offer(shell("only", "true"));
    await outcomeOf(scheduler);
  });

  test("obeys the scheduler's answers", async () => {
    using dir = tempDir();
    using disk = smallDisk(dir.path, 8_000_000);
    await using started = startWorker({ dir: dir.path });
    const { scheduler } = started;
    await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
    scheduler.offer(shell("only", "sleep 60"));
    await eventually("it runs", () => (scheduler.claims.length > 0 ? true : null));
    disk.fill();
    scheduler.verdict = () => ({ verdict: "keep", end: { reason: "cancelled", force: false } });
    await scheduler.control({ kind: "greet" });
    await started.log.holds("cannot write to the database");
    disk.free();
    expect((await outcomeOf(scheduler)).result.outcome.reason).toBe("cancelled");
  });
});

test("an attempt that was granted and can't be stored is given back at once", async () => {
  let isFull = false;
  await using started = startWorker({
    wrap: (store) => ({
      ...store,
      transaction: (work) => {
        if (isFull) throw new PetitError("storage_failed", "the disk is full");
        return store.transaction(work);
      },
      probe: (now) => {
        if (isFull) throw new PetitError("storage_failed", "the disk is full");
        store.probe(now);
      },
    }),
  });
  const { scheduler } = started;
  await eventually("it has greeted", () => scheduler.hellos.at(-1) ?? null);
  isFull = true;
  const { attempt, epoch, scheduler: id } = scheduler.offer(TOUCH);
  await eventually("it says that it lacks the attempt", () => (scheduler.hellos.at(-1)?.lacks?.length ? true : null));
  expect(scheduler.hellos.at(-1)).toMatchObject({
    lacks: [{ attempt, epoch, scheduler: id }],
    cannotStore: "the disk is full",
    holds: [],
  });
  isFull = false;
  await scheduler.control({ kind: "greet" });
  await eventually("it can store", () => (scheduler.hellos.at(-1)?.cannotStore === undefined ? true : null));
  expect(scheduler.hellos.at(-1)?.lacks).toEqual([]);
  scheduler.offer(shell("only", "true"), { epoch: 2 });
  await outcomeOf(scheduler);
});

test("folders of attempts that were handed over are deleted, also if the worker was killed while it deleted them", async () => {
  using dir = tempDir();
  const run = join(dir.path, "artifacts", newRunId(Date.now()));
  mkdirSync(join(run, crypto.randomUUID()), { recursive: true });
  mkdirSync(join(dir.path, "artifacts", ".new", "5"), { recursive: true });
  await using started = startWorker({ dir: dir.path });
  await eventually("nothing is left", () => (readdirSync(join(started.dir, "artifacts")).length === 0 ? true : null));
});
