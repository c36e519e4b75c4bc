import { afterEach, describe, expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { type Auth, type AuthOptions, createAuth, type Proof } from "../../src/auth/auth.ts";
import type { ApiToken } from "../../src/domain/people/token.ts";
import { silentLog } from "../../src/lib/log.ts";
import { MEMORY, openStore } from "../../src/store/database/open.ts";
import { FakeClock } from "../support/engine/fake-clock.ts";

const made: Disposable[] = [];
afterEach(() => {
  for (const each of made.splice(0).toReversed()) each[Symbol.dispose]();
});

const DAY = 86_400_000;

const start = (options: Partial<AuthOptions> = {}) => {
  const store = openStore({ path: MEMORY, runtime: openRuntime() });
  const clock = new FakeClock();
  const auth = createAuth({ store, clock, log: silentLog, tokens: [], isExposed: false, ...options });
  made.push(store, auth);
  return { store, clock, auth };
};

const bearer = (token: string): Proof => ({ bearer: token, session: null, addressOf: () => "192.0.2.7" });
const withSession = (session: string | null): Proof => ({ bearer: null, session, addressOf: () => null });
const NOTHING: Proof = { bearer: null, session: null, addressOf: () => null };

const GIVEN: ApiToken = { name: "file", role: "admin", token: "token-of-the-file" };

const create = (auth: Auth, name = "mara", expiresAt: number | null = null) =>
  auth.createToken({ name, role: "operator", jobs: null, tags: null, expiresAt, by: "ada" });

const sessionOf = (auth: Auth, token: string): string => {
  const login = auth.login(token);
  if ("refused" in login || login.session === null) throw new Error("the login was refused");
  return login.session;
};

describe("a petit without tokens", () => {
  test("takes everybody for an admin, until the first token is created", () => {
    const { auth } = start();
    expect(auth.identify(NOTHING)).toEqual({
      person: { name: null, role: "admin", scope: null, via: "anonymous" },
      sessionUntil: null,
    });
    const { token } = create(auth);
    expect(auth.identify(NOTHING)).toEqual({ refused: "missing" });
    expect(auth.identify(bearer(token))).toMatchObject({ person: { name: "mara", role: "operator", via: "token" } });
  });

  test("requires one nevertheless where other machines can reach it", () => {
    const { auth } = start({ isExposed: true });
    expect([auth.needsToken(), auth.isProtected()]).toEqual([true, false]);
    expect(auth.identify(NOTHING)).toEqual({ refused: "missing" });
    const { token } = create(auth);
    auth.revokeToken("mara");
    expect(auth.identify(NOTHING)).toEqual({ refused: "missing" });
    expect(auth.identify(bearer(token))).toMatchObject({ refused: "revoked" });
  });

  test("ends the streams of anybody when the first token is created", () => {
    const { auth } = start();
    const ended = auth.untilEnded(NOTHING, new AbortController().signal);
    create(auth);
    expect(ended.aborted).toBe(true);
  });
});

describe("a stored token", () => {
  test("is not in the database", () => {
    const { auth, store } = start();
    const { token } = create(auth);
    expect(token).toMatch(/^petit_[\w-]{43}$/);
    expect(JSON.stringify(store.tokens.list())).not.toContain(token.slice("petit_".length));
  });

  test("is accepted until it expires, and then requires others still", async () => {
    const { auth, clock } = start();
    const expiresAt = clock.now() + DAY;
    const { token } = create(auth, "mara", expiresAt);
    const closing = new AbortController().signal;
    const streams = [
      auth.untilEnded(bearer(token), closing),
      auth.untilEnded(withSession(sessionOf(auth, token)), closing),
    ];
    clock.step(DAY - 5000);
    await clock.pass(1000);
    expect(streams.map(({ aborted }) => aborted)).toEqual([false, false]);
    expect(auth.identify(bearer(token))).toMatchObject({ person: { name: "mara" } });
    await clock.pass(5000);
    expect(auth.identify(bearer(token))).toMatchObject({ refused: "expired", name: "mara", at: expiresAt });
    expect(streams.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(auth.identify(NOTHING)).toEqual({ refused: "missing" });
  });

  test("that was revoked ends with its sessions and streams, and others go on", () => {
    const { auth, clock } = start();
    const { token } = create(auth);
    const other = create(auth, "ben");
    const session = sessionOf(auth, token);
    const closing = new AbortController().signal;
    const [ended, endedToo, goesOn] = [bearer(token), withSession(session), bearer(other.token)].map((proof) =>
      auth.untilEnded(proof, closing),
    );
    auth.revokeToken("mara");
    expect([ended?.aborted, endedToo?.aborted, goesOn?.aborted]).toEqual([true, true, false]);
    expect(auth.identify(bearer(token))).toEqual({ refused: "revoked", name: "mara", at: clock.now() });
    expect(auth.identify(withSession(session))).toEqual({ refused: "missing" });
    expect(auth.untilEnded(bearer(token), closing).aborted).toBe(true);
    expect(auth.login(token)).toMatchObject({ refused: "revoked" });
  });

  test("has a name that no other valid one has, nor one of the token file", () => {
    const { auth, clock } = start({ tokens: [GIVEN] });
    create(auth, "mara", clock.now() + DAY);
    const taken = expect.objectContaining({ code: "conflict" });
    expect(() => create(auth)).toThrow(taken);
    expect(() => create(auth, "file")).toThrow(taken);
    clock.step(2 * DAY);
    create(auth);
    auth.revokeToken("mara");
    create(auth);
    const notFound = expect.objectContaining({ code: "not_found" });
    expect(() => auth.revokeToken("nobody")).toThrow(notFound);
    expect(() => auth.rotateToken({ name: "nobody", graceMs: 0, by: null })).toThrow(notFound);
  });

  test("that was rotated is valid for the grace time, and the new one as long as the old one was", () => {
    const { auth, clock } = start();
    const first = create(auth, "mara", clock.now() + 10 * DAY);
    clock.step(3 * DAY);
    const second = auth.rotateToken({ name: "mara", graceMs: DAY, by: "ada" });
    expect(second).toMatchObject({ name: "mara", role: "operator", expiresAt: clock.now() + 10 * DAY });
    for (const { token } of [first, second])
      expect(auth.identify(bearer(token))).toMatchObject({ person: { name: "mara" } });
    clock.step(DAY);
    expect(auth.identify(bearer(first.token))).toMatchObject({ refused: "expired" });
    expect(auth.identify(bearer(second.token))).toMatchObject({ person: { name: "mara" } });
    expect(auth.listTokens().map(({ replacedAt }) => replacedAt !== null)).toEqual([true, false]);
    auth.revokeToken("mara");
    expect(auth.identify(bearer(second.token))).toMatchObject({ refused: "revoked" });
  });

  test("that is rotated twice does not become valid for longer", () => {
    const { auth, clock } = start();
    const { token } = create(auth);
    auth.rotateToken({ name: "mara", graceMs: 1000, by: null });
    auth.rotateToken({ name: "mara", graceMs: DAY, by: null });
    clock.step(1000);
    expect(auth.identify(bearer(token))).toMatchObject({ refused: "expired" });
  });

  test("that is rotated twice ends with the grace time of the last rotation", () => {
    const { auth, clock } = start();
    const first = create(auth);
    const other = create(auth, "ben");
    auth.rotateToken({ name: "ben", graceMs: DAY, by: null });
    const second = auth.rotateToken({ name: "mara", graceMs: DAY, by: null });
    const third = auth.rotateToken({ name: "mara", graceMs: 0, by: null });
    for (const { token } of [first, second])
      expect(auth.identify(bearer(token))).toEqual({
        refused: "expired",
        id: expect.any(Number),
        name: "mara",
        at: clock.now(),
      });
    for (const { token } of [third, other]) expect(auth.identify(bearer(token))).toHaveProperty("person");
  });

  test("says when and from where it was used, which is stored once a minute", async () => {
    const { auth, clock, store } = start();
    const { token } = create(auth);
    auth.identify(bearer(token));
    expect(store.tokens.list()[0]?.lastUsedAt).toBeNull();
    const usedAt = clock.now();
    await clock.pass(61_000);
    expect(store.tokens.list()[0]).toMatchObject({ lastUsedAt: usedAt, lastUsedFrom: "192.0.2.7" });
  });
});

describe("a session of a stored token", () => {
  test("lasts as long as its token at most, over a restart, and ends at the logout", () => {
    const { auth, clock, store } = start();
    const expiresAt = clock.now() + DAY;
    const { token } = create(auth, "mara", expiresAt);
    const session = sessionOf(auth, token);
    expect(auth.identify(withSession(session))).toEqual({
      person: { name: "mara", role: "operator", scope: null, via: "session" },
      sessionUntil: expiresAt,
    });
    const restarted = createAuth({ store, clock, log: silentLog, tokens: [], isExposed: false });
    made.push(restarted);
    expect(restarted.identify(withSession(session))).toMatchObject({ person: { name: "mara" } });
    const stream = restarted.untilEnded(withSession(session), new AbortController().signal);
    restarted.logout(session);
    expect(stream.aborted).toBe(true);
    expect(auth.identify(withSession(session))).toEqual({ refused: "missing" });
  });

  test.each(["2.", `2.${"a".repeat(43)}`, `2.${"a".repeat(44)}`, `1.${"a".repeat(43)}`])("is not %p", (value) => {
    const { auth } = start();
    sessionOf(auth, create(auth).token);
    expect(auth.identify(withSession(value))).toEqual({ refused: "missing" });
  });
});
