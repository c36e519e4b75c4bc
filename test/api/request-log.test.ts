import { afterAll, describe, expect, test } from "bun:test";
import { type Log, silentLog } from "../../src/lib/log.ts";
import { fakeApi } from "../support/petit/api-fake.ts";

type Line = { readonly fields: Readonly<Record<string, unknown>>; readonly message: string };

const logged: Line[] = [];
const log: Log = { ...silentLog, debug: (fields, message) => void logged.push({ fields, message }) };
const TOKEN = "correct-horse-battery-staple";
const open = fakeApi({ log });
const locked = fakeApi({ log, token: TOKEN });
afterAll(() => {
  for (const { api } of [open, locked]) api.close();
});

const logOf = async (
  ask: () => Promise<Response>,
): Promise<{ readonly response: Response; readonly lines: Line[] }> => {
  logged.length = 0;
  return { response: await ask(), lines: [...logged] };
};

describe("the log of requests", () => {
  test.each([
    ["GET", "/api/jobs", 200],
    ["HEAD", "/api/jobs", 200],
    ["GET", "/api/jobs/none", 404],
    ["GET", "/nowhere", 404],
    ["DELETE", "/api/jobs", 405],
    ["POST", "/api/jobs/hello/trigger", 200],
    ["GET", "/metrics", 200],
  ] as const)("has one line at debug for %s %s, with the id of its answer", async (method, path, status) => {
    const { response, lines } = await logOf(() => open.ask(path, { method }));
    expect(response.status).toBe(status);
    expect(lines).toEqual([
      {
        fields: {
          request_id: response.headers.get("x-request-id"),
          method,
          path,
          status,
          duration_ms: expect.any(Number),
        },
        message: `${method} ${path} was answered ${status}`,
      },
    ]);
  });

  test("contains refused requests", async () => {
    for (const [asked, status] of [
      [() => open.ask("/api/jobs", { host: "example.com" }), 403],
      [() => open.ask("/api/jobs", { headers: { origin: "https://example.com" } }), 403],
      [() => locked.ask("/api/jobs"), 401],
    ] as const) {
      const { lines } = await logOf(asked);
      expect(lines.at(-1)?.fields).toMatchObject({ path: "/api/jobs", status });
    }
  });

  test("contains no query and no token, and only the beginning of a path", async () => {
    const headers = { authorization: `Bearer ${TOKEN}x`, cookie: `token=${TOKEN}` };
    const { lines } = await logOf(() => locked.ask(`/api/jobs?token=${TOKEN}`, { headers }));
    expect(JSON.stringify(lines)).not.toContain(TOKEN);
    const long = await logOf(() => open.ask(`/${"a".repeat(5000)}`));
    expect(JSON.stringify(long.lines).length).toBeLessThan(1000);
  });
});
