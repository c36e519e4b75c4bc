import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isAtLeast, type NeededRole } from "../../../src/domain/people/role.ts";
import { petit as command } from "../../support/cli.ts";
import { ask, post } from "../../support/petit/api.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";
import type { OpenApiDocument } from "../../support/petit/api-schema.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { eventually } from "../../support/torture/run.ts";

/** Whoever a request can come from, with the role that the token has or had. */
const PEOPLE = { viewer: "viewer", operator: "operator", admin: "admin", expired: "admin", revoked: "admin" } as const;
type Who = keyof typeof PEOPLE | "nobody";

const REFUSED: ReadonlySet<Who> = new Set(["nobody", "expired", "revoked"]);

let petit: Petit;
let operations: readonly (readonly [string, string, NeededRole])[];
const tokens = new Map<Who, string>();

beforeAll(async () => {
  petit = await startPetit({
    jobs: { "hello.yaml": 'id: hello\ntasks: [{id: only, type: command, command: "true"}]\n' },
  });
  for (const [name, role] of Object.entries(PEOPLE)) {
    const expires = name === "expired" ? ["--expires", "1ms"] : [];
    const made = await command(["tokens", "create", name, "--role", role, ...expires, "--db", petit.dbPath]);
    expect(made).toMatchObject({ status: 0 });
    tokens.set(name as Who, made.stdout.trim());
  }
  await command(["tokens", "revoke", "revoked", "--db", petit.dbPath]);
  await eventually("petit knows the tokens", async () =>
    (await ask(petit, "/api/session", { headers: headersOf("revoked") })).body.error?.includes("was revoked")
      ? true
      : null,
  );
  const document: OpenApiDocument = (await ask(petit, "/api/openapi.json", { headers: headersOf("viewer") })).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [method.toUpperCase(), path, operation["x-role"] as NeededRole] as const,
    ),
  );
});
afterAll(() => petit[Symbol.asyncDispose]());

const headersOf = (who: Who): Record<string, string> => {
  const token = tokens.get(who);
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
};

type Asked = { readonly method: string; readonly path: string; readonly headers?: Record<string, string> };

/** Sends a request whose body no route accepts. Returns its status and its code. */
const answerTo = async ({ method, path, headers = {} }: Asked): Promise<readonly [number, string | null]> => {
  const broken = method === "GET" || method === "HEAD" ? {} : { body: '{"broken' };
  const response = await petit.fetch(path.replaceAll(/\{\w+\}/g, "unknown"), { method, headers, ...broken });
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    await response.body?.cancel();
    return [response.status, null];
  }
  const text = await response.text();
  return [response.status, text.startsWith("{") ? (JSON.parse(text).code ?? null) : null];
};

/** What a person may expect of a route: an answer, or the status of the refusal. */
const expected = (who: Who, needed: NeededRole): 401 | 403 | null => {
  if (needed === "none") return null;
  if (who === "nobody" || REFUSED.has(who)) return 401;
  return isAtLeast(PEOPLE[who], needed) ? null : 403;
};

describe("the routes", () => {
  test("have each role", () => {
    const routes = Map.groupBy(operations, ([, , needed]) => needed);
    expect([...routes.keys()].toSorted()).toEqual(["admin", "none", "operator", "viewer"]);
    for (const [, group] of routes) expect(group.length).toBeGreaterThan(5);
  });

  test("that change anything need more than a viewer, unless they need no role", () => {
    const open = operations.filter(([method, , needed]) => method !== "GET" && needed === "viewer");
    // Its tools send requests of their own, each of which is judged.
    expect(open).toEqual([["POST", "/mcp", "viewer"]]);
  });

  test.each(["nobody", "viewer", "operator", "admin", "expired", "revoked"] as const)(
    "answer %s as their role says, before they read the body",
    async (who) => {
      for (const [method, path, needed] of operations) {
        const [status, code] = await answerTo({ method, path, headers: headersOf(who) });
        const refusal = expected(who, needed);
        if (refusal === null) expect([method, path, [401, 403].includes(status)]).toEqual([method, path, false]);
        else expect([method, path, status, code]).toEqual([method, path, refusal, CODES[refusal]]);
      }
    },
  );
});

const CODES = { 401: "UNAUTHORIZED", 403: "FORBIDDEN" } as const;

describe("a request of a role that is too low", () => {
  test("is told which one it needs and which one it has", async () => {
    const { status, body } = await post(petit, "/api/jobs/reload", undefined, headersOf("operator"));
    expect([status, body]).toEqual([
      403,
      { code: "FORBIDDEN", error: "this needs the role admin, but the token 'operator' has the role operator" },
    ]);
  });

  test.each(["/api/scheduler/pause", "/api/scheduler/pause/", "/api/scheduler/pause?x=1"])(
    "changes nothing: %s",
    async (path) => {
      await post(petit, "/api/scheduler/resume", undefined, headersOf("admin"));
      expect((await post(petit, path, undefined, headersOf("operator"))).status).toBe(403);
      expect((await ask(petit, "/api/scheduler/state", { headers: headersOf("viewer") })).body.is_paused).toBe(false);
    },
  );

  test("is refused with a session as with its token, and HEAD is answered as GET", async () => {
    const login = await petit.fetch("/api/session", {
      method: "POST",
      body: JSON.stringify({ token: tokens.get("viewer") }),
    });
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const headers = { cookie, origin: petit.url };
    expect((await answerTo({ method: "POST", path: "/api/jobs/hello/trigger", headers }))[0]).toBe(403);
    expect((await answerTo({ method: "HEAD", path: "/api/jobs", headers }))[0]).toBe(200);
    const { body } = await ask(petit, "/api/session", { headers });
    expect(body).toMatchObject({ name: "viewer", role: "viewer", via: "session" });
  });
});

test("without a token everybody who reaches petit is an admin", async () => {
  const open = fakeApi();
  expect((await open.ask("/api/jobs/reload", { method: "POST" })).status).toBe(200);
  const session = await (await open.ask("/api/session")).json();
  expect(session).toMatchObject({ name: null, role: "admin", via: "anonymous" });
  open.api.close();
});
