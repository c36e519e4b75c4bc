import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { openRuntime } from "#runtime";
import type { Job } from "../../../src/domain/job.ts";
import type { Reading } from "../../../src/domain/versions/version.ts";
import { openStore } from "../../../src/store/database/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { job, jobId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const A = jobId("a");

const at = (file: string, line = 1): Pick<Job, "source"> => ({ source: { file, line, folder: "/jobs" } });

/** A definition of `a`. */
const named = (name: string, place: Pick<Job, "source"> = at("a.yaml")): Job => job("a", { name, ...place });

/** Saves one definition after the other, a ms apart, and none where it is null. */
const saveAll = (store: Store, definitions: readonly (Job | null)[]): void => {
  for (const [index, each] of definitions.entries()) store.jobs.save(each === null ? [] : [each], NOON + index);
};

/** Returns the uses of all versions, the newest version and use first, as `number: since-until`. */
const usesOf = (store: Store, id = A): readonly string[] =>
  store.versions
    .list(id, { limit: 99 })
    .flatMap(({ number }) =>
      store.versions
        .listUses(id, number, 99)
        .map(({ since, until }) => `${number}: ${since - NOON}-${until === null ? "" : until - NOON}`),
    );

describe("a use of a version", () => {
  test("begins when the definition changes, and ends when another one begins or the job is removed", () => {
    using store = memoryStore();
    saveAll(store, [named("one"), named("two"), null]);
    expect(usesOf(store)).toEqual(["2: 1-2", "1: 0-1"]);
  });

  test("goes on while the definition is read again, also after a restart", () => {
    using store = memoryStore();
    saveAll(store, [named("one"), named("one"), structuredClone(named("one"))]);
    expect(usesOf(store)).toEqual(["1: 0-"]);
  });

  test("is a further one of the earlier version after a revert", () => {
    using store = memoryStore();
    saveAll(store, [named("one"), named("two"), named("one"), named("two"), named("one")]);
    expect(usesOf(store)).toEqual(["2: 3-4", "2: 1-2", "1: 4-", "1: 2-3", "1: 0-1"]);
    const [two, one] = store.versions.list(A, { limit: 9 });
    expect([two?.isCurrent, one?.isCurrent, one?.changedAt]).toEqual([false, true, NOON + 4]);
  });

  test("goes on when the file is renamed or the definition moves in it, and a revert elsewhere is a revert", () => {
    using store = memoryStore();
    saveAll(store, [
      named("one"),
      named("one", at("renamed.yaml", 9)),
      named("two", at("renamed.yaml")),
      named("one", at("third.yaml")),
    ]);
    expect(usesOf(store)).toEqual(["2: 2-3", "1: 3-", "1: 0-2"]);
    const { number, versionId } = store.versions.findCurrent(A) ?? {};
    expect([number, store.jobs.getDefinition(versionId ?? 0).source.file]).toEqual([1, "third.yaml"]);
  });

  test("goes on when two jobs swap their files", () => {
    using store = memoryStore();
    const [a, b] = [named("one"), job("b")];
    store.jobs.save([a, b], NOON);
    store.jobs.save(
      [
        { ...a, source: b.source },
        { ...b, source: a.source },
      ],
      NOON + 1,
    );
    expect([usesOf(store), usesOf(store, b.id)]).toEqual([["1: 0-"], ["1: 0-"]]);
  });

  test("begins anew when a job that was removed comes back", () => {
    using store = memoryStore();
    saveAll(store, [named("one"), null, null, named("one")]);
    expect(usesOf(store)).toEqual(["1: 3-", "1: 0-1"]);
    expect(store.versions.findCurrent(A)?.changedAt).toBe(NOON + 3);
  });

  test("never ends before it began, although the clock was set back", () => {
    using store = memoryStore();
    store.jobs.save([named("one")], NOON);
    store.jobs.save([named("two")], NOON - 50);
    expect(usesOf(store)).toEqual(["2: -50-", "1: 0-0"]);
  });

  test("is not one if a command only runs the job once", () => {
    using store = memoryStore();
    store.jobs.saveDefinitions([named("one")], NOON);
    expect(usesOf(store)).toEqual([]);
    expect(store.versions.list(A, { limit: 9 })).toMatchObject([{ number: 1 }]);
  });

  test("carries over to the new id of a job, where the uses of the former id come first", () => {
    using store = memoryStore();
    const moved = job("b", { name: "two", formerly: [A] });
    saveAll(store, [named("one"), named("two"), named("one"), moved]);
    expect(usesOf(store, moved.id)).toEqual(["3: 3-", "2: 1-2", "1: 2-3", "1: 0-1"]);
    expect(usesOf(store)).toEqual([]);
  });

  test("carries over to a job that had the same definition", () => {
    using store = memoryStore();
    const own = { ...named("b"), id: jobId("b") };
    store.jobs.save([named("b"), own], NOON);
    store.jobs.save([{ ...own, formerly: [A] }], NOON + 1);
    expect(usesOf(store, own.id)).toEqual(["3: 1-", "2: 0-1", "2: 0-1"]);
  });

  test("says who had which file read", () => {
    using store = memoryStore();
    const reading: Reading = {
      request: { cause: "api", by: "ada" },
      commit: { id: "c0ffee", author: "Ada <ada@example.com>", committedAt: NOON - 9, subject: "a change" },
      modifiedAt: (file) => (file === "a.yaml" ? NOON - 1 : null),
    };
    store.jobs.save([named("one")], NOON, reading);
    store.jobs.save([named("two", at("other.yaml"))], NOON + 1);
    expect([1, 2].map((number) => store.versions.listUses(A, number, 9))).toEqual([
      [
        {
          since: NOON,
          until: NOON + 1,
          cause: "api",
          by: "ada",
          file: "a.yaml",
          fileModifiedAt: NOON - 1,
          commit: { id: "c0ffee", author: "Ada <ada@example.com>" },
        },
      ],
      [
        {
          since: NOON + 1,
          until: null,
          cause: null,
          by: null,
          file: "other.yaml",
          fileModifiedAt: null,
          commit: null,
        },
      ],
    ]);
  });
});

test("the uses of a job are the times between the changes of its definition, whatever else changes", () => {
  const step = fc.record({
    name: fc.constantFrom("one", "two", "three", null),
    line: fc.integer({ min: 1, max: 2 }),
    isReopened: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      using dir = tempDir();
      const path = dir.file("petit.db");
      let store = openStore({ path, runtime: openRuntime() });
      const expected: { name: string; since: number; until: number | null }[] = [];
      for (const [index, { name, line, isReopened }] of steps.entries()) {
        store.jobs.save(name === null ? [] : [named(name, at(`${line}.yaml`, line))], NOON + index);
        const last = expected.at(-1);
        const current = last?.until === null ? last : undefined;
        if (current?.name !== (name ?? undefined)) {
          if (current !== undefined) current.until = NOON + index;
          if (name !== null) expected.push({ name, since: NOON + index, until: null });
        }
        if (!isReopened) continue;
        store[Symbol.dispose]();
        store = openStore({ path, runtime: openRuntime() });
      }
      const found = store.versions.list(A, { limit: 99 }).flatMap(({ number, versionId }) => {
        const { name } = store.jobs.getDefinition(versionId);
        return store.versions.listUses(A, number, 99).map(({ since, until }) => ({ name, since, until }));
      });
      expect(found.toSorted((a, b) => a.since - b.since)).toEqual(expected);
      store[Symbol.dispose]();
    }),
    { numRuns: 40 },
  );
});

describe("a version", () => {
  test("has a digest of its own, which is found by its beginning", () => {
    using store = memoryStore();
    saveAll(store, [named("one"), named("two"), named("two", at("elsewhere.yaml", 4))]);
    const [two, one] = store.versions.list(A, { limit: 9 });
    expect(one?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(two?.digest).not.toBe(one?.digest);
    expect(store.versions.findByDigest(A, one?.digest.slice(0, 9) ?? "", 9)).toMatchObject([{ number: 1 }]);
    expect(store.versions.findByDigest(A, "", 1)).toMatchObject([{ number: 2 }]);
    expect(store.versions.findByDigest(A, "x", 9)).toEqual([]);
    expect(store.versions.ofRun(one?.versionId ?? 0)).toEqual({ number: 1, digest: one?.digest ?? "" });
  });

  test("has another digest in another database, so that nobody can try out its secrets", () => {
    const [one, another] = [NOON, NOON].map(() => {
      using store = memoryStore();
      store.jobs.save([named("one")], NOON);
      return store.versions.findCurrent(A)?.digest;
    });
    expect(one).not.toBe(another);
  });

  test("has another digest if only a comment in its text differs", () => {
    using store = memoryStore();
    const withText = (text: string) =>
      named("one", { source: { ...at("a.yaml").source, document: { text, line: 1 } } });
    saveAll(store, [withText("id: a"), withText("id: a # new")]);
    expect(store.versions.list(A, { limit: 9 })).toHaveLength(2);
  });

  test("has the runs that used it", () => {
    using store = memoryStore();
    const runs = [NOON, NOON + 5, NOON + 9].map((now) => startRun(store, { job: named("one"), now }));
    const moved = startRun(store, { job: named("one", at("b.yaml")), now: NOON + 20 });
    store.jobs.save([named("two")], NOON + 30);
    expect(store.versions.describeRuns(A, 1)).toEqual({
      count: 4,
      first: { id: runs[0]?.id ?? moved.id, createdAt: NOON },
      last: { id: moved.id, createdAt: NOON + 20 },
    });
    expect(store.versions.describeRuns(A, 2)).toEqual({ count: 0, first: null, last: null });
  });
});

describe("old uses are deleted", () => {
  const reverted = (store: Store): void => {
    startRun(store, { job: named("ran") });
    for (let nth = 1; nth <= 8; nth++) store.jobs.save([named(nth % 2 === 0 ? "ran" : `${nth}`)], NOON + nth);
  };

  test("beyond the newest ones, if no run refers to their version", () => {
    using store = memoryStore();
    reverted(store);
    expect(store.versions.deleteOldUses(A, { all: 99, unused: 4 }, 99)).toBe(2);
    expect(usesOf(store)).toEqual(["5: 7-8", "4: 5-6", "1: 8-", "1: 6-7", "1: 4-5", "1: 2-3", "1: 0-1"]);
    store.versions.deleteUnused(0, 99);
    expect(store.versions.list(A, { limit: 9 }).map(({ number }) => number)).toEqual([5, 4, 1]);
  });

  test("beyond a number that no job exceeds", () => {
    using store = memoryStore();
    reverted(store);
    expect(store.versions.deleteOldUses(A, { all: 3, unused: 3 }, 2)).toBe(2);
    while (store.versions.deleteOldUses(A, { all: 3, unused: 3 }, 2) > 0);
    expect(usesOf(store)).toEqual(["5: 7-8", "1: 8-", "1: 6-7"]);
  });

  test("but not the present one", () => {
    using store = memoryStore();
    store.jobs.save([named("one")], NOON);
    expect(store.versions.deleteOldUses(A, { all: 0, unused: 0 }, 9)).toBe(0);
    expect(usesOf(store)).toEqual(["1: 0-"]);
  });
});
