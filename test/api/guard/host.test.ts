import { describe, expect, test } from "bun:test";
import { createHostCheck, isLoopback, refuseOpenBind } from "../../../src/api/guard/host.ts";
import { fakeApi } from "../../support/petit/api-fake.ts";

const passes = (host: string | null, options: Partial<Parameters<typeof createHostCheck>[0]> = {}): boolean => {
  const check = createHostCheck({ host: "127.0.0.1", hostname: "machine", allowedHosts: [], ...options });
  try {
    check(new Request("http://x/", { headers: host === null ? {} : { host } }));
    return true;
  } catch {
    return false;
  }
};

describe("the Host check on a loopback address", () => {
  test.each([
    "localhost",
    "localhost:8565",
    "LOCALHOST:8565",
    "localhost.:8565",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.9.8.7:8565",
    "[::1]",
    "[::1]:8565",
    "[0:0:0:0:0:0:0:1]:8565",
  ])("allows %p", (host) => {
    expect(passes(host)).toBe(true);
  });

  test.each([
    null,
    "",
    "example.com",
    "example.com:8565",
    "localhost.example.com",
    "evil-localhost",
    "foo.localhost",
    "127.0.0.1.example.com",
    "127.0.0.1.nip.io",
    "1127.0.0.1",
    "0.0.0.0:8565",
    "[::]:8565",
    "[::ffff:10.0.0.1]",
    "10.0.0.1",
    "machine",
    "localhost, example.com",
    "example.com, localhost",
    "localhost, localhost",
    "localhost:8565:8565",
    "localhost:port",
    "localhost:123456",
    "localhost/",
    "localhost@example.com",
    "user@localhost",
    "localhost#",
    "localhost\\example.com",
    "::1",
    "[::1",
    "[localhost]",
    " ",
    ":8565",
    ".",
  ])("refuses %p", (host) => {
    expect(passes(host)).toBe(false);
  });

  test("allows the allowed hosts, whatever their case and port", () => {
    const options = { allowedHosts: ["Petit.Example.com", "fe80::1"] };
    expect(passes("petit.example.com", options)).toBe(true);
    expect(passes("PETIT.example.com:443", options)).toBe(true);
    expect(passes("[fe80::1]:443", options)).toBe(true);
    expect(passes("sub.petit.example.com", options)).toBe(false);
    expect(passes("example.com", options)).toBe(false);
  });

  test("decides the same way every time", () => {
    const check = createHostCheck({ host: "127.0.0.1", hostname: "machine", allowedHosts: [] });
    const request = (host: string) => new Request("http://x/", { headers: { host } });
    for (let round = 0; round < 3; round++) {
      expect(() => check(request("localhost:8565"))).not.toThrow();
      expect(() => check(request("example.com"))).toThrow();
    }
  });
});

describe("the Host check on another address", () => {
  test("allows that address, the name of the machine and loopback", () => {
    const options = { host: "192.0.2.7" };
    for (const host of ["192.0.2.7:8565", "machine", "Machine:8565", "localhost", "127.0.0.1"]) {
      expect([host, passes(host, options)]).toEqual([host, true]);
    }
    for (const host of ["192.0.2.8", "example.com", "machine.example.com"]) {
      expect([host, passes(host, options)]).toEqual([host, false]);
    }
  });

  test.each(["0.0.0.0", "::"])("allows the addresses of this machine if bound to %p", (host) => {
    expect(passes("machine:8565", { host })).toBe(true);
    expect(passes("[::1]:8565", { host })).toBe(true);
    expect(passes("192.0.2.7", { host })).toBe(false);
    expect(passes("example.com", { host })).toBe(false);
  });

  test("compares IPv6 addresses by value", () => {
    expect(passes("[2001:db8::1]:8565", { host: "2001:db8:0:0:0:0:0:1" })).toBe(true);
    expect(passes("[2001:db8::2]:8565", { host: "2001:db8:0:0:0:0:0:1" })).toBe(false);
  });
});

describe("an open address", () => {
  test.each(["127.0.0.1", "127.1.2.3", "localhost", "::1"])("%p needs no token", (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(() => refuseOpenBind(host, false)).not.toThrow();
  });

  test.each(["0.0.0.0", "::", "192.0.2.7", "example.com", "127.0.0.1.example.com"])(
    "%p is refused without a token, and told how to make one",
    (host) => {
      expect(() => refuseOpenBind(host, false)).toThrow(/--token-file/);
      expect(() => refuseOpenBind(host, true)).not.toThrow();
    },
  );
});

describe("a name of one to three characters", () => {
  const ORIGIN = "https://ops.example.com";

  test.each(["x", "pi", "box", "pi:8565"])("serves every path: %p", async (host) => {
    const { api } = fakeApi({ allowedHosts: ["x", "pi", "box"], corsOrigins: [ORIGIN] });
    const ask = async (path: string, headers: Record<string, string> = {}) =>
      (await api.handle(new Request(`http://${host}${path}`, { headers: { host, ...headers } }))).status;
    const statuses = {
      jobs: await ask("/api/jobs"),
      job: await ask("/api/jobs/hello"),
      filtered: await ask("/api/runs?limit=1"),
      wrong: await ask("/api/runs?limit=0"),
      metrics: await ask("/metrics"),
      crossed: await ask("/api/jobs/hello", { origin: ORIGIN }),
    };
    api.close();
    expect(statuses).toEqual({ jobs: 200, job: 200, filtered: 200, wrong: 400, metrics: 200, crossed: 200 });
  });
});
