import { afterAll, describe, expect, test } from "bun:test";
import type { ApiDocument } from "../../../src/api/docs/openapi-types.ts";
import { isAtLeast, type NeededRole, ROLES, type Role } from "../../../src/domain/people/role.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const api = fakeApi({ tokens: ROLES.map((role) => ({ name: `the-${role}`, role, token: `token-of-the-${role}` })) });
afterAll(() => api.api.close());

const bearer = (role: Role) => ({ authorization: `Bearer token-of-the-${role}` });

const document: ApiDocument = await (await api.ask("/api/openapi.json", { headers: bearer("viewer") })).json();

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { "x-role": needed }]) => [method.toUpperCase(), path, needed] as const),
);

type Asked = { readonly method: string; readonly path: string; readonly headers?: Record<string, string> };

/** Sends a request whose body no route accepts. Returns its status and its code. */
const answerTo = async ({ method, path, headers = {} }: Asked): Promise<readonly [number, string | null]> => {
  const broken = method === "GET" || method === "HEAD" ? {} : { body: '{"broken' };
  const response = await api.ask(path.replaceAll(/\{\w+\}/g, "unknown"), { method, headers, ...broken });
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    await response.body?.cancel();
    return [response.status, null];
  }
  const text = await response.text();
  return [response.status, text.startsWith("{") ? (JSON.parse(text).code ?? null) : null];
};

describe("a route", () => {
  test("of each role is in the description of the API", () => {
    const counts = Map.groupBy(operations, ([, , needed]) => needed);
    expect([...counts.keys()].toSorted()).toEqual(["admin", "none", "operator", "viewer"]);
    for (const routes of counts.values()) expect(routes.length).toBeGreaterThan(5);
  });

  test("that changes anything needs more than a viewer, and one that reads does not, unless it needs no role", () => {
    const changing = operations.filter(([method, , needed]) => method !== "GET" && needed === "viewer");
    expect(changing).toEqual([]);
  });

  test.each(operations)("%s %s, which needs %s, is refused to everybody below", async (method, path, needed) => {
    const [status, code] = await answerTo({ method, path });
    expect([status === 401, code === "UNAUTHORIZED"]).toEqual(needed === "none" ? [false, false] : [true, true]);
    for (const role of ROLES) {
      const answer = await answerTo({ method, path, headers: bearer(role) });
      if (mayUse(role, needed)) expect([401, 403]).not.toContain(answer[0]);
      else expect(answer).toEqual([403, "FORBIDDEN"]);
    }
  });
});

const mayUse = (role: Role, needed: NeededRole): boolean => needed === "none" || isAtLeast(role, needed);

describe("a request of a role that is too low", () => {
  test("is told which one it needs and which one it has", async () => {
    const response = await api.ask("/api/jobs/reload", { method: "POST", headers: bearer("operator") });
    expect(response.status).toBe(403);
    expect(await response.json()).toEqual({
      code: "FORBIDDEN",
      error: "this needs the role admin, but the token 'the-operator' has the role operator",
    });
  });

  test.each(["/api/scheduler/pause/", "/api/scheduler/pause?x=1", "/api/jobs/reload"])(
    "is refused at every spelling of its path: %s",
    async (path) => {
      expect((await answerTo({ method: "POST", path, headers: bearer("operator") }))[0]).toBe(403);
    },
  );

  test("changes nothing", async () => {
    api.engine.movedBy = null;
    await api.ask("/api/scheduler/pause", { method: "POST", headers: bearer("operator") });
    expect(api.engine.movedBy).toBeNull();
    await api.ask("/api/scheduler/pause", { method: "POST", headers: bearer("admin") });
    expect<string | null>(api.engine.movedBy).toBe("the-admin");
  });

  test("is refused with a session as with its token, and HEAD as GET", async () => {
    const login = await api.ask("/api/session", { method: "POST", body: '{"token":"token-of-the-viewer"}' });
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const headers = { cookie, origin: "http://127.0.0.1:8565" };
    expect((await answerTo({ method: "POST", path: "/api/jobs/hello/trigger", headers }))[0]).toBe(403);
    expect((await answerTo({ method: "HEAD", path: "/api/jobs", headers }))[0]).toBe(200);
    const session = await (await api.ask("/api/session", { headers })).json();
    expect(session).toMatchObject({ name: "the-viewer", role: "viewer", via: "session" });
  });
});

test("without a token everybody who reaches petit is an admin", async () => {
  const open = fakeApi();
  expect((await open.ask("/api/jobs/reload", { method: "POST" })).status).toBe(200);
  const session = await (await open.ask("/api/session")).json();
  expect(session).toMatchObject({ name: null, role: "admin", via: "anonymous" });
  open.api.close();
});
