import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/lib/clock.ts";
import { findSuccessor } from "../../src/nats/inspect.ts";
import { NATS_VERSIONS, startNats } from "../support/nats/server.ts";
import { accessTo, identityOf, startScheduler, startWorker } from "../support/nats/transports.ts";

const LEASE_MS = 400;

const scheduler = (url: string, identity: ReturnType<typeof identityOf>, answer: string) =>
  startScheduler(url, async () => ({ answer }), { ...identity, leaseMs: LEASE_MS });

describe.each(NATS_VERSIONS)("with nats-server %s, a scheduler", (version) => {
  test("is refused by name while another one uses the account, and takes over when that is gone", async () => {
    await using nats = await startNats({ version });
    await using worker = startWorker(nats.url);
    await worker.states.next("connected");
    const first = scheduler(nats.url, identityOf("first"), "first");
    await first.states.next("connected");
    await using second = scheduler(nats.url, identityOf("second"), "second");
    const refused = await second.states.next("disconnected");
    expect(refused).toMatchObject({
      fault: "taken",
      detail: expect.stringContaining("petit first uses this NATS account"),
    });
    const ask = async () => (await worker.request("hello", { header: {}, timeoutMs: 5_000 })).header;
    expect(await ask()).toEqual({ answer: "first" });
    const stoppedAt = performance.now();
    await first[Symbol.asyncDispose]();
    await second.states.next("connected");
    // A restart of the first one would have kept its place.
    expect(performance.now() - stoppedAt).toBeGreaterThan(LEASE_MS * 4);
    expect(await ask()).toEqual({ answer: "second" });
  });

  test("takes over at once from the process before it, which loses the account", async () => {
    await using nats = await startNats({ version });
    const own = identityOf("own");
    await using killed = scheduler(nats.url, own, "killed");
    await killed.states.next("connected");
    const startedAt = performance.now();
    await using next = scheduler(nats.url, { ...identityOf("own"), previousSession: own.session }, "next");
    await next.states.next("connected");
    expect(performance.now() - startedAt).toBeLessThan(LEASE_MS * 20);
    const lost = await killed.states.next("disconnected");
    expect(lost.status).toBe("disconnected");
  });

  test("starts at once after another one was stopped, or after NATS lost its data", async () => {
    await using nats = await startNats({ version });
    const first = scheduler(nats.url, identityOf("first"), "first");
    await first.states.next("connected");
    await first[Symbol.asyncDispose]();
    await using second = scheduler(nats.url, identityOf("second"), "second");
    await second.states.next("connected");
    await nats.kill();
    await second.states.next("disconnected");
    nats.wipe();
    await nats.start();
    const startedAt = performance.now();
    await second.states.next("connected");
    expect(performance.now() - startedAt).toBeLessThan(LEASE_MS * 5);
  });

  test("answers that it can't decide while it does not know whether it has the account", async () => {
    await using nats = await startNats({ version });
    await using worker = startWorker(nats.url);
    await worker.states.next("connected");
    // Such a lease is over before the next record is written.
    await using own = startScheduler(nats.url, async () => ({ answer: "own" }), { ...identityOf("own"), leaseMs: 1 });
    await own.states.next("connected");
    const { header } = await worker.request("outcome", { header: {}, timeoutMs: 5_000 });
    expect(header).toEqual({ failed: "unavailable" });
  });

  test("learns that its database is older than what NATS has seen of it", async () => {
    await using nats = await startNats({ version });
    const own = { ...identityOf("own"), position: () => 20 };
    const first = scheduler(nats.url, own, "first");
    await first.states.next("connected");
    await first[Symbol.asyncDispose]();
    let token = "own";
    const onOutdated = (): void => {
      token = "own.restored";
    };
    const later = { ...identityOf("own"), token: () => token, onOutdated };
    const same = scheduler(nats.url, { ...later, position: () => 20 }, "same");
    await same.states.next("connected");
    await same[Symbol.asyncDispose]();
    expect(token).toBe("own");
    await using older = scheduler(nats.url, { ...later, position: () => 19 }, "older");
    await older.states.next("connected");
    expect(token).toBe("own.restored");
  });

  test.each([
    ["an earlier epoch of the same database", "own.first", 1, true],
    ["the same epoch", "own.second", 2, false],
    ["a later epoch", "own.third", 3, false],
    ["another database", "other", 0, false],
  ] as const)("refuses the account to %s, and says who has the later one", async (_, token, epoch, isRefused) => {
    await using nats = await startNats({ version });
    const second = scheduler(nats.url, { ...identityOf("own.second"), epoch: () => 2, name: "the second" }, "second");
    await second.states.next("connected");
    await second[Symbol.asyncDispose]();
    const superseded: string[] = [];
    const onSuperseded = (by: string): void => void superseded.push(by);
    const identity = { ...identityOf(token), epoch: () => epoch, onSuperseded };
    await using again = scheduler(nats.url, identity, "again");
    await again.states.next(isRefused ? "disconnected" : "connected");
    expect(superseded.slice(0, 1)).toEqual(isRefused ? ["the second"] : []);
    const access = accessTo(nats.url);
    expect(await findSuccessor(access, { token, epoch }, systemClock)).toBe(isRefused ? "the second" : null);
  });

  test.each([
    ["own", "of before", true],
    ["own.first", "of before", true],
    ["own.first", null, false],
    ["other", "of before", false],
  ] as const)(
    "learns that its database was replaced by a copy from before another restore: %s, used by %p",
    async (token, previousSession, isOutdated) => {
      await using nats = await startNats({ version });
      const restored = scheduler(nats.url, { ...identityOf("own.second"), position: () => 3 }, "restored");
      await restored.states.next("connected");
      await restored[Symbol.asyncDispose]();
      let times = 0;
      const onOutdated = (): void => void times++;
      const identity = { ...identityOf(token), previousSession, position: () => 20, onOutdated };
      await using again = scheduler(nats.url, identity, "again");
      await again.states.next("connected");
      expect(times).toBe(isOutdated ? 1 : 0);
    },
  );
});
