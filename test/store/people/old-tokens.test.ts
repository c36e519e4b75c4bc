import { describe, expect, test } from "bun:test";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";

const DAY_MS = 86_400_000;

const digest = (name: string): string => name.padEnd(64, "0");

const open = () => {
  const store = memoryStore();
  const create = (name: string, expiresAt: number | null = null): void =>
    store.tokens.create(
      { name, digest: digest(name), role: "admin", jobs: null, tags: null, expiresAt, by: null },
      NOON,
    );
  const names = (): readonly string[] => store.tokens.list().map(({ name }) => name);
  return { store, create, names };
};

describe("old tokens", () => {
  test("are deleted when they were revoked or have expired long ago, in bounded steps", () => {
    const { store, create, names } = open();
    using _ = store;
    for (const name of ["a", "b", "c"]) {
      create(name);
      store.tokens.revoke(name, NOON);
    }
    create("expired", NOON + DAY_MS);
    create("later");
    store.tokens.revoke("later", NOON + 2 * DAY_MS);
    create("live");
    const step = (endedBy: number): number => store.tokens.deleteOld({ endedBy, now: NOON, limit: 2 });
    expect(step(NOON - 1)).toBe(0);
    expect([step(NOON + DAY_MS), names()]).toEqual([2, ["c", "expired", "later", "live"]]);
    expect([step(NOON + DAY_MS), names()]).toEqual([2, ["later", "live"]]);
    expect(step(NOON + DAY_MS)).toBe(0);
  });

  test("keep the newest that is not revoked, because petit would require none without it", () => {
    const { store, create, names } = open();
    using _ = store;
    create("first", NOON + 1);
    create("second", NOON + 2);
    create("revoked");
    store.tokens.revoke("revoked", NOON);
    expect(store.tokens.deleteOld({ endedBy: NOON + DAY_MS, now: NOON, limit: 10 })).toBe(2);
    expect(names()).toEqual(["second"]);
    expect(store.tokens.deleteOld({ endedBy: NOON + DAY_MS, now: NOON, limit: 10 })).toBe(0);
  });

  test("take their logins with them, and other logins go when they have expired", () => {
    const { store, create } = open();
    using _ = store;
    create("old", NOON + 1);
    create("live");
    const [old, live] = store.tokens.list().map(({ id }) => id);
    const sessions = { a: digest("a"), b: digest("b"), c: digest("c") };
    store.tokens.beginSession({ id: sessions.a, tokenId: old ?? 0, expiresAt: NOON + 2 * DAY_MS }, NOON);
    store.tokens.beginSession({ id: sessions.b, tokenId: live ?? 0, expiresAt: NOON + DAY_MS }, NOON);
    store.tokens.beginSession({ id: sessions.c, tokenId: live ?? 0, expiresAt: NOON + 2 * DAY_MS }, NOON);
    expect(store.tokens.deleteOld({ endedBy: NOON + 1, now: NOON + DAY_MS, limit: 10 })).toBe(2);
    expect(Object.values(sessions).map((id) => store.tokens.findSession(id) !== null)).toEqual([false, false, true]);
  });
});
