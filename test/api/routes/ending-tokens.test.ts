import { describe, expect, test } from "bun:test";
import { memoryStore } from "../../support/engine/factories-store.ts";
import { NOON } from "../../support/engine/fake-clock.ts";
import { ask, post, readEvents } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const DAY_MS = 86_400_000;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Creates a token, and returns its text. */
const create = async (petit: Petit, body: object, by = ""): Promise<string> =>
  (await post(petit, "/api/tokens", body, bearer(by))).body.token;

/** Returns what somebody sees of tokens among what needs attention. */
const seenBy = async (petit: Petit, token: string) => {
  const { items, counts } = (await ask(petit, "/api/attention", { headers: bearer(token) })).body;
  const ofTokens = items.filter(({ kind }: { kind: string }) => kind.startsWith("token_"));
  return { ofTokens, counts: [counts.token_expiring, counts.token_expired] };
};

describe("a token that is in use and expires", () => {
  test("needs the attention of admins alone, does not change health, and no longer when it is rotated", async () => {
    await using petit = await startPetit();
    const ada = await create(petit, { name: "ada", role: "admin" });
    const olga = await create(petit, { name: "olga", role: "operator" }, ada);
    const ci = await create(petit, { name: "ci", role: "viewer", expires_in_ms: 3 * DAY_MS }, ada);
    await create(petit, { name: "unused", role: "viewer", expires_in_ms: 3 * DAY_MS }, ada);
    await ask(petit, "/api/jobs", { headers: bearer(ci) });
    // Uses are stored at most a minute later, or when the tokens are listed.
    await ask(petit, "/api/tokens", { headers: bearer(ada) });
    const { ofTokens, counts } = await seenBy(petit, ada);
    expect(ofTokens).toEqual([
      expect.objectContaining({
        id: "token_expiring:ci",
        severity: "warning",
        token: "ci",
        role: "viewer",
        last_used_from: "127.0.0.1",
        message: expect.stringMatching(/^the token 'ci' expires in 2d23h; it is in use, last from 127\.0\.0\.1; /),
      }),
    ]);
    expect(counts).toEqual([1, 0]);
    expect(await seenBy(petit, olga)).toEqual({ ofTokens: [], counts: [0, 0] });
    const entry = "/api/attention/token_expiring%3Aci";
    const unknown = (await ask(petit, "/api/attention/token_expiring%3Ano", { headers: bearer(ada) })).body.error;
    for (const path of [entry, `${entry}/acknowledge`]) {
      const method = path === entry ? "GET" : "POST";
      const { status, body } = await ask(petit, path, { method, headers: bearer(olga) });
      expect([status, body.error]).toEqual([404, unknown.replace(":no", ":ci")]);
    }
    expect((await ask(petit, entry, { headers: bearer(ada) })).status).toBe(200);
    expect((await post(petit, `${entry}/acknowledge`, {}, bearer(ada))).status).toBe(200);
    const stats = async (token: string) =>
      (await ask(petit, "/api/stats", { headers: bearer(token) })).body.attention.token_expiring;
    expect([await stats(ada), await stats(olga)]).toEqual([1, 0]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
    const changes = async (token: string) => {
      const resumed = { ...bearer(token), "last-event-id": "0" };
      const events = readEvents(
        await petit.fetch("/api/events", { headers: resumed, signal: AbortSignal.timeout(20_000) }),
      );
      const entries: unknown[] = [];
      for await (const { event, data } of events) {
        if (event === "attention.changed") entries.push(JSON.parse(data).entry_id);
        if (event === "scheduler.paused") break;
      }
      return entries;
    };
    await post(petit, "/api/scheduler/pause", {}, bearer(ada));
    expect([await changes(ada), await changes(olga), await changes(ci)]).toEqual([["token_expiring:ci"], [], []]);
    await post(petit, "/api/tokens/ci/rotate", { grace_ms: 60_000 }, bearer(ada));
    expect((await seenBy(petit, ada)).ofTokens).toEqual([]);
  }, 60_000);

  test("needs attention when it has expired and is still sent, until it is revoked", async () => {
    await using petit = await startPetit();
    const ada = await create(petit, { name: "ada", role: "admin" });
    const ci = await create(petit, { name: "ci", role: "viewer", expires_in_ms: 1 }, ada);
    expect((await seenBy(petit, ada)).ofTokens).toEqual([]);
    for (let each = 0; each < 3; each++)
      expect((await ask(petit, "/api/jobs", { headers: bearer(ci) })).status).toBe(401);
    await ask(petit, "/api/tokens", { headers: bearer(ada) });
    expect((await seenBy(petit, ada)).ofTokens).toMatchObject([
      { kind: "token_expired", token: "ci", count: 3, last_refused_from: "127.0.0.1" },
    ]);
    await ask(petit, "/api/tokens/ci", { method: "DELETE", headers: bearer(ada) });
    await eventually("it is gone", async () => ((await seenBy(petit, ada)).ofTokens.length === 0 ? true : null));
  }, 60_000);
});

test("tokens that end are those in use, the first to expire first, and expired ones that were sent within a day", () => {
  using store = memoryStore();
  const { tokens } = store;
  const use = (name: string, expiresAt: number | null, usedAt: number | null): number => {
    tokens.create(
      { name, digest: name.padEnd(64, "0"), role: "viewer", jobs: null, tags: null, expiresAt, by: null },
      NOON - 90 * DAY_MS,
    );
    const id = tokens.list().at(-1)?.id ?? 0;
    if (usedAt !== null) tokens.noteUses([{ id, at: usedAt, address: null }]);
    return id;
  };
  use("soon", NOON + 7 * DAY_MS, NOON - 30 * DAY_MS);
  use("sooner", NOON + 1, NOON);
  use("later", NOON + 7 * DAY_MS + 1, NOON);
  use("unused", NOON + DAY_MS, NOON - 30 * DAY_MS - 1);
  use("never", null, NOON);
  use("revoked", NOON + DAY_MS, NOON);
  tokens.revoke("revoked", NOON);
  const sent = use("sent", NOON - DAY_MS, NOON);
  use("silent", NOON - DAY_MS, NOON);
  tokens.noteRefusals([{ id: sent, at: NOON, address: "10.0.0.5", count: 2 }]);
  tokens.noteRefusals([{ id: sent, at: NOON + 1, address: "10.0.0.6", count: 3 }]);
  const listed = (now: number) => tokens.listEnding(now, 10).map(({ name, refused }) => [name, refused?.count ?? 0]);
  expect(listed(NOON)).toEqual([
    ["sent", 5],
    ["sooner", 0],
    ["soon", 0],
  ]);
  expect(listed(NOON + DAY_MS + 1)).not.toContainEqual(["soon", 0]);
  expect(listed(NOON + DAY_MS + 2)).not.toContainEqual(["sent", 5]);
  expect(tokens.listEnding(NOON, 1).length).toBe(1);
});
