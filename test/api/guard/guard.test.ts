import { afterAll, describe, expect, test } from "bun:test";
import { fakeApi } from "../../support/petit/api-fake.ts";

const TOKEN = "correct-horse-battery-staple";
const open = fakeApi();
const locked = fakeApi({ token: TOKEN });
const crossed = fakeApi({ token: TOKEN, corsOrigins: ["https://ops.example.com"] });
const page = (path: string): Response | null =>
  path === "/" ? new Response("<!doctype html>", { headers: { "content-type": "text/html" } }) : null;
const paged = fakeApi({ token: TOKEN, page });
const openPaged = fakeApi({ page });
afterAll(() => {
  for (const { api } of [open, locked, crossed, paged, openPaged]) api.close();
});

type Ask = typeof open.ask;
const code = async (asked: ReturnType<Ask>): Promise<string> => (await (await asked).json()).code;

/** One route of each kind, and an unknown one. */
const EVERYWHERE: readonly (readonly [string, string])[] = [
  ["GET", "/api/jobs"],
  ["GET", "/api/jobs/hello"],
  ["GET", "/api/runs"],
  ["GET", "/api/events"],
  ["GET", "/api/openapi.json"],
  ["GET", "/api/docs"],
  ["GET", "/metrics"],
  ["GET", "/api/scheduler/state"],
  ["POST", "/api/jobs/hello/trigger"],
  ["POST", "/api/jobs/reload"],
  ["POST", "/api/scheduler/pause"],
  ["DELETE", "/api/jobs"],
  ["GET", "/api/jobs/hello/"],
  ["GET", "//api/jobs"],
  ["GET", "/nowhere"],
];

describe("the token", () => {
  test.each(EVERYWHERE)("is required for %s %s", async (method, path) => {
    const response = await locked.ask(path, { method });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toStartWith("Bearer");
    expect(await response.json()).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test.each(["GET", "HEAD"])("is not required for %s /api/health", async (method) => {
    expect((await locked.ask("/api/health", { method })).status).toBe(200);
  });

  test("accepts the right one, whatever the case of its scheme", async () => {
    for (const authorization of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER  ${TOKEN}`]) {
      expect((await locked.ask("/api/jobs", { headers: { authorization } })).status).toBe(200);
    }
  });

  test.each([
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN.toUpperCase()}`,
    "Bearer ",
    "Bearer",
    TOKEN,
    `Basic ${btoa(`petit:${TOKEN}`)}`,
    `Bearer ${TOKEN}, Bearer ${TOKEN}`,
  ])("refuses %p", async (authorization) => {
    const response = await locked.ask("/api/jobs", { headers: { authorization } });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain(TOKEN);
  });

  test("is not taken from the query or a cookie", async () => {
    expect((await locked.ask(`/api/jobs?token=${TOKEN}`)).status).toBe(401);
    expect((await locked.ask("/api/jobs", { headers: { cookie: `token=${TOKEN}` } })).status).toBe(401);
  });

  test("is not required for the page, but for everything else", async () => {
    expect((await paged.ask("/")).status).toBe(200);
    expect((await paged.ask("/other")).status).toBe(401);
    // The page is public, so a wrong method needs no token either.
    expect((await paged.ask("/", { method: "POST" })).status).toBe(405);
  });

  test("is asked for by the page if a browser visits the reference of the API", async () => {
    const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    const visit = await paged.ask("/api/docs", { headers: { accept, "if-none-match": "*" } });
    expect([visit.status, await visit.text(), visit.headers.get("cache-control")]).toEqual([
      200,
      "<!doctype html>",
      "no-store",
    ]);
    const refused = [{}, { accept: "*/*" }, { accept, authorization: "Bearer wrong" }];
    for (const headers of refused)
      expect((await paged.ask("/api/docs", { headers: { ...headers } as Record<string, string> })).status).toBe(401);
    expect((await paged.ask("/api/jobs", { headers: { accept } })).status).toBe(401);
  });
});

describe("a path that does not exist", () => {
  const accept = "text/html,application/xhtml+xml,*/*;q=0.8";

  test("is a page for a browser, without a token, and JSON for other clients", async () => {
    for (const server of [paged, openPaged]) {
      const visit = await server.ask("/other", { headers: { accept, "if-none-match": "*" } });
      expect([visit.status, visit.headers.get("content-type"), visit.headers.get("cache-control")]).toEqual([
        404,
        "text/html",
        "no-store",
      ]);
      expect(await visit.text()).toBe("<!doctype html>");
    }
    const plain = await openPaged.ask("/other", { headers: { accept: "*/*" } });
    expect([plain.status, (await plain.json()) as unknown]).toMatchObject([404, { code: "NOT_FOUND" }]);
  });

  test("is JSON below /api, where another method is used, and beside the metrics", async () => {
    const notFound = await openPaged.ask("/api/other", { headers: { accept } });
    expect([notFound.status, (await notFound.json()) as unknown]).toMatchObject([404, { code: "NOT_FOUND" }]);
    const posted = await openPaged.ask("/other", { method: "POST", headers: { accept } });
    expect([posted.status, (await posted.json()) as unknown]).toMatchObject([404, { code: "NOT_FOUND" }]);
    expect((await openPaged.ask("/metrics", { headers: { accept } })).status).toBe(200);
    expect((await paged.ask("/metrics", { headers: { accept } })).status).toBe(401);
  });

  test("is a page also behind a link of another site, but not in its frame", async () => {
    const visit = {
      accept,
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    expect((await openPaged.ask("/other", { headers: visit })).status).toBe(404);
    expect((await openPaged.ask("/other", { headers: { ...visit, "sec-fetch-dest": "iframe" } })).status).toBe(403);
  });
});

describe("a foreign Host", () => {
  test.each([...EVERYWHERE, ["GET", "/api/health"] as const])("is refused for %s %s", async (method, path) => {
    for (const host of ["rebound.example.com:8565", "127.0.0.1:8565, example.com"]) {
      const response = await open.ask(path, { method, host });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: "FORBIDDEN" });
    }
  });

  test("is refused before the token is checked", async () => {
    expect(await code(locked.ask("/api/jobs", { host: "example.com" }))).toBe("FORBIDDEN");
  });
});

describe("a foreign Origin", () => {
  test.each(EVERYWHERE)("is refused for %s %s", async (method, path) => {
    for (const origin of [
      "https://example.com",
      "http://127.0.0.1:3000",
      "http://localhost:8565",
      "null",
      "http://127.0.0.1:8565, http://example.com",
      "http://127.0.0.1:8565.example.com",
      "file://",
    ]) {
      const response = await open.ask(path, { method, headers: { origin } });
      expect([origin, response.status]).toEqual([origin, 403]);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("changes nothing", async () => {
    const body = '{"params":{}}';
    await open.ask("/api/jobs/hello/trigger", { method: "POST", body, headers: { origin: "https://example.com" } });
    expect(open.store.runs.list({ limit: 1 })).toEqual([]);
  });

  test("is allowed if it is the same as the Host", async () => {
    for (const origin of ["http://127.0.0.1:8565", "https://127.0.0.1:8565"]) {
      expect((await open.ask("/api/jobs", { headers: { origin } })).status).toBe(200);
    }
  });
});

describe("a request of another site's page", () => {
  const crossSite = { "sec-fetch-site": "cross-site" };
  const visit = { ...crossSite, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

  test.each(EVERYWHERE)("is refused for %s %s", async (method, path) => {
    expect(await code(open.ask(path, { method, headers: crossSite }))).toBe("FORBIDDEN");
    expect(await code(open.ask(path, { method, headers: visit }))).toBe("FORBIDDEN");
  });

  test("is refused whatever its Origin is", async () => {
    const headers = { ...crossSite, origin: "http://127.0.0.1:8565" };
    expect(await code(open.ask("/api/jobs", { headers }))).toBe("FORBIDDEN");
    expect(await code(open.ask("/api/scheduler/pause", { method: "POST", headers }))).toBe("FORBIDDEN");
  });

  test("is allowed as a top-level visit to the page", async () => {
    expect((await paged.ask("/", { headers: visit })).status).toBe(200);
    expect((await paged.ask("/", { method: "HEAD", headers: visit })).status).toBe(200);
  });

  test("is refused if it embeds the page or posts to it", async () => {
    expect(await code(paged.ask("/", { headers: { ...visit, "sec-fetch-dest": "iframe" } }))).toBe("FORBIDDEN");
    expect(await code(paged.ask("/", { headers: { ...crossSite, "sec-fetch-mode": "no-cors" } }))).toBe("FORBIDDEN");
    expect(await code(paged.ask("/", { headers: { ...visit, "sec-fetch-mode": "no-cors" } }))).toBe("FORBIDDEN");
    expect(await code(paged.ask("/", { method: "POST", headers: visit }))).toBe("FORBIDDEN");
  });

  test.each(["same-origin", "none"])("is not assumed if Sec-Fetch-Site is %s", async (site) => {
    expect((await open.ask("/api/jobs", { headers: { "sec-fetch-site": site } })).status).toBe(200);
  });
});

describe("CORS", () => {
  const origin = "https://ops.example.com";
  const preflight = {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
  };
  const corsHeaders = (response: Response): string[] =>
    [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

  test("is off by default: no header and no preflight", async () => {
    const response = await open.ask("/api/jobs", preflight);
    expect(response.status).toBe(403);
    expect(corsHeaders(response)).toEqual([]);
    expect(corsHeaders(await open.ask("/api/jobs"))).toEqual([]);
  });

  test("answers the preflight of an allowed origin without a token", async () => {
    const response = await crossed.ask("/api/jobs/hello/trigger", preflight);
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    expect(response.headers.get("access-control-allow-headers")?.toLowerCase()).toContain("authorization");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
  });

  test("allows that origin every method that a route has", async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { paths } = await (await crossed.ask("/api/openapi.json", { headers })).json();
    const methods = new Set(Object.values(paths as object).flatMap((path: object) => Object.keys(path)));
    expect([...methods]).toEqual(expect.arrayContaining(["get", "post", "put", "delete"]));
    const allowed = (await crossed.ask("/api/job-files/a.yaml", preflight)).headers.get("access-control-allow-methods");
    for (const method of methods) expect(allowed?.split(", ")).toContain(method.toUpperCase());
  });

  test("lets pages of that origin read answers and failures", async () => {
    const headers = { origin, "sec-fetch-site": "cross-site", authorization: `Bearer ${TOKEN}` };
    const response = await crossed.ask("/api/jobs", { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    for (const failed of [
      await crossed.ask("/api/jobs", { headers: { origin } }),
      await crossed.ask("/api/jobs/none", { headers }),
      await crossed.ask("/nowhere", { headers }),
      await crossed.ask("/", { headers }),
    ]) {
      expect(failed.status).toBeGreaterThanOrEqual(400);
      expect(failed.headers.get("access-control-allow-origin")).toBe(origin);
      expect(await failed.json()).toMatchObject({ code: expect.any(String) });
    }
  });

  test("requires the token except for a preflight", async () => {
    expect(await code(crossed.ask("/api/jobs", { headers: { origin } }))).toBe("UNAUTHORIZED");
  });

  test("still requires a Host that names petit", async () => {
    expect((await crossed.ask("/api/jobs", { ...preflight, host: "example.com" })).status).toBe(403);
  });

  test.each([
    "https://example.com",
    "https://ops.example.com.evil.net",
    "http://ops.example.com",
    "toString",
    "null",
    "*",
  ])("does not allow %p", async (other) => {
    const headers = { ...preflight.headers, origin: other, authorization: `Bearer ${TOKEN}` };
    for (const response of [
      await crossed.ask("/api/jobs", { method: "OPTIONS", headers }),
      await crossed.ask("/api/jobs", { headers }),
    ]) {
      expect(response.status).toBe(403);
      expect(corsHeaders(response)).toEqual([]);
    }
  });

  test("adds nothing to answers of requests without an Origin", async () => {
    const response = await crossed.ask("/api/jobs", { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(response.status).toBe(200);
    expect(corsHeaders(response)).toEqual([]);
  });
});

test("the address of a peer is read once for the audit log, and not for reads with a token of the file", async () => {
  const named = fakeApi({ tokens: [{ name: "mara", role: "admin", token: TOKEN }] });
  let reads = 0;
  const connection = {
    get peerAddress() {
      reads++;
      return "192.0.2.7";
    },
    keepOpen: () => {},
  };
  const ask = async (method: string, path: string): Promise<readonly [number, number]> => {
    reads = 0;
    const headers = { authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:8565" };
    const { status } = await named.api.handle(
      new Request(`http://127.0.0.1:8565${path}`, { method, headers }),
      connection,
    );
    return [status, reads];
  };
  expect(await ask("GET", "/api/jobs/hello")).toEqual([200, 0]);
  expect(await ask("POST", "/api/jobs/hello/trigger")).toEqual([200, 1]);
  const { rows } = named.store.audit.list(ANY_ENTRY, { limit: 1, before: null, scan: 10 });
  expect(rows).toMatchObject([{ who: "mara", address: "192.0.2.7", action: "job.trigger" }]);
  named.api.close();
});

const ANY_ENTRY = {
  who: null,
  actions: null,
  target: null,
  jobId: null,
  runId: null,
  allowed: null,
  since: null,
  until: null,
} as const;
