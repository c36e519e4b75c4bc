import { describe, expect, test } from "bun:test";
import { followRedirect } from "../../../../src/engine/attempt/http/redirect.ts";
import type { HttpRequest } from "../../../../src/engine/attempt/http/request.ts";

const REQUEST: HttpRequest = {
  url: "https://a.example/start",
  method: "POST",
  headers: [
    { name: "Authorization", value: "x", secret: true },
    { name: "X-Trace", value: "y", secret: false },
    { name: "Content-Type", value: "text/csv", secret: false },
  ],
  body: { kind: "text", text: "data", contentType: "text/plain" },
  statuses: null,
  outputs: {},
  caFile: null,
  resultFile: "/r",
};

const follow = (status: number, location: string, given: Partial<HttpRequest> = {}) =>
  followRedirect({ ...REQUEST, ...given }, { status, headers: new Headers({ location }) });

const names = (request: HttpRequest | null) => request?.headers.map(({ name }) => name);

describe("a redirect", () => {
  test.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [302, "PUT", "PUT"],
    [307, "POST", "POST"],
    [308, "DELETE", "DELETE"],
  ])("with status %p of %p is followed with %s", (status, method, expected) => {
    const next = follow(status, "/next", { method });
    expect([next?.url, next?.method]).toEqual(["https://a.example/next", expected]);
    expect(next?.body === null).toBe(method !== expected);
  });

  test("keeps the headers for the same origin, without those of a dropped body", () => {
    expect(names(follow(307, "/next"))).toEqual(["Authorization", "X-Trace", "Content-Type"]);
    expect(names(follow(303, "/next"))).toEqual(["Authorization", "X-Trace"]);
  });

  test.each(["https://b.example/", "http://a.example/", "https://a.example:444/", "//b.example/"])(
    "drops secret headers on the way to %s",
    (location) => {
      expect(names(follow(307, location))).toEqual(["X-Trace", "Content-Type"]);
    },
  );

  test("takes no user name and password from the server", () => {
    expect(follow(307, "https://me:pw@a.example/x")?.url).toBe("https://a.example/x");
  });

  test("is not followed if its status is expected, or without an address", () => {
    expect(follow(302, "/next", { statuses: [302] })).toBeNull();
    expect(followRedirect(REQUEST, { status: 302, headers: new Headers() })).toBeNull();
    expect(follow(304, "/next")).toBeNull();
  });

  test.each(["ftp://a.example/", "file:///etc/passwd", "http://"])("to %s is refused", (location) => {
    expect(() => follow(302, location)).toThrow("redirects to something that is not an http or https URL");
  });
});
