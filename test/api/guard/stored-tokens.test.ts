import { expect, test } from "bun:test";
import { petit as command } from "../../support/cli.ts";
import { ask, post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Changes the tokens as the owner of the database, beside the running petit. */
const tokens = async (petit: Petit, ...args: readonly string[]): Promise<string> => {
  const { status, stdout, stderr } = await command(["tokens", ...args, "--db", petit.dbPath]);
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return stdout.trim();
};

const logIn = async (petit: Petit, token: string): Promise<string> => {
  const login = await petit.fetch("/api/session", { method: "POST", body: JSON.stringify({ token }) });
  expect(login.status).toBe(200);
  return (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
};

test("a token that another process revokes ends within a second, with its session and its streams", async () => {
  await using petit = await startPetit();
  const anybody = await petit.fetch("/api/events");
  const [mara, ben] = [
    await tokens(petit, "create", "mara", "--role", "viewer"),
    await tokens(petit, "create", "ben", "--role", "viewer"),
  ];
  // Who came without a token is sent away when there is one.
  await anybody.text();
  expect((await petit.fetch("/api/jobs")).status).toBe(401);
  expect(petit.stderr()).toContain("the API requires a token from now on");
  await eventually("petit knows both", async () =>
    (await petit.fetch("/api/jobs", { headers: bearer(ben) })).status === 200 ? true : null,
  );
  const cookie = await logIn(petit, mara);
  const [withToken, withCookie, goesOn] = await Promise.all([
    petit.fetch("/api/events", { headers: bearer(mara) }),
    petit.fetch("/api/events", { headers: { cookie } }),
    petit.fetch("/api/events", { headers: bearer(ben) }),
  ]);
  const ended = Promise.all([withToken.text(), withCookie.text()]).then(() => performance.now());
  await tokens(petit, "revoke", "mara");
  const revokedAt = performance.now();
  expect((await ended) - revokedAt).toBeLessThan(1000);
  expect((await petit.fetch("/api/jobs", { headers: bearer(mara) })).status).toBe(401);
  expect((await petit.fetch("/api/jobs", { headers: { cookie } })).status).toBe(401);
  expect((await petit.fetch("/api/jobs", { headers: bearer(ben) })).status).toBe(200);
  await goesOn.body?.cancel();
});

test("a token that was revoked over the API is refused at once", async () => {
  await using petit = await startPetit();
  const first = await post(petit, "/api/tokens", { name: "ada", role: "admin" });
  expect(first.body.message).toContain("petit requires a token from now on");
  const admin = bearer(first.body.token);
  const created = await post(petit, "/api/tokens", { name: "mara", role: "viewer", expires_in_ms: 60_000 }, admin);
  expect(created.body).toMatchObject({ name: "mara", role: "viewer", expires_at: expect.any(Number) });
  const mara = bearer(created.body.token);
  const stream = await petit.fetch("/api/events", { headers: mara });
  const rotated = await post(petit, "/api/tokens/mara/rotate", { grace_ms: 0 }, admin);
  await stream.text();
  expect((await ask(petit, "/api/session", { headers: mara })).body.error).toStartWith("the token 'mara' expired on ");
  const newest = bearer(rotated.body.token);
  expect((await ask(petit, "/api/session", { headers: newest })).body).toMatchObject({ name: "mara", role: "viewer" });
  expect((await ask(petit, "/api/tokens/mara", { method: "DELETE", headers: admin })).status).toBe(200);
  expect((await ask(petit, "/api/session", { headers: newest })).body.error).toStartWith(
    "the token 'mara' was revoked on ",
  );
  const { tokens: list } = (await ask(petit, "/api/tokens", { headers: admin })).body;
  expect(list).toMatchObject([
    { name: "ada", state: "live", created_by: "127.0.0.1", last_used_from: "127.0.0.1" },
    { name: "mara", state: "revoked", created_by: "ada" },
    { name: "mara", state: "revoked", created_by: "ada" },
  ]);
  expect((await ask(petit, "/api/tokens/mara", { method: "DELETE", headers: admin })).status).toBe(404);
  expect((await post(petit, "/api/tokens", { name: "ada", role: "viewer" }, admin)).status).toBe(409);
  for (const wrong of [{ name: "a b", role: "viewer" }, { name: "x", role: "root" }, { name: "x" }, { role: "viewer" }])
    expect((await post(petit, "/api/tokens", wrong, admin)).status).toBe(400);
});
