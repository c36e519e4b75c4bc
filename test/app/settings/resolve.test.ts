import { describe, expect, test } from "bun:test";
import { resolveSettings, type SettingValues } from "../../../src/app/settings/resolve.ts";
import { flagOf, type Setting, variableOf } from "../../../src/app/settings/setting.ts";
import { SETTINGS, urlOf } from "../../../src/app/settings/settings.ts";

const given = (over: {
  readonly flags?: Readonly<Record<string, readonly string[]>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, readonly string[]>>;
}): SettingValues => ({
  flags: new Map(Object.entries(over.flags ?? {})),
  environment: over.environment ?? {},
  file: over.file === undefined ? null : { path: "/c.yaml", values: new Map(Object.entries(over.file)) },
});

const errorOf = (input: SettingValues): string => {
  try {
    resolveSettings(input);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("expected an error");
};

describe("resolveSettings", () => {
  test("uses the flag, variable, file or default, in this order, and returns the origin", () => {
    const flags = { "api-port": ["1"] };
    const environment = { PETIT_API_PORT: "2" };
    const file = { api_port: ["3"] };
    const seen = [given({ flags, environment, file }), given({ environment, file }), given({ file }), given({})].map(
      (input) => {
        const { settings, origins } = resolveSettings(input);
        return [settings.apiPort, origins.apiPort.kind, origins.apiPort.name];
      },
    );
    expect(seen).toEqual([
      [1, "flag", "--api-port"],
      [2, "environment", "PETIT_API_PORT"],
      [3, "file", "/c.yaml"],
      [8565, "default", "default"],
    ]);
  });

  test.each([
    ["jobs-git", "https://user:secret@git.example.com/x", "https://…@git.example.com/x"],
    ["jobs-git", "https://secret@git.example.com/x", "https://…@git.example.com/x"],
    ["jobs-git", "https://user:secret@secret@git.example.com/x?y#z", "https://…@git.example.com/x?…"],
    ["jobs-git", "https://user:secret?secret@git.example.com/x", "https://…@git.example.com/x"],
    ["jobs-git", "https://git.example.com/x?token=secret", "https://git.example.com/x?…"],
    ["jobs-git", "ssh://git:secret@git.example.com/x", "ssh://…@git.example.com/x"],
    ["jobs-git", "user:secret@git.example.com:x", "…@git.example.com:x"],
    ["jobs-git", "http://git.example.com/x", "http://git.example.com/x"],
    ["public-url", "https://user:secret@petit.example.com", "https://…@petit.example.com"],
    ["url", "htp://user:secret@petit.example.com", "htp://…@petit.example.com"],
    ["otlp-endpoint", "https://user:secret@otel.example.com", "https://…@otel.example.com"],
    ["otlp-endpoint", "https://otel.example.com?key=secret", "https://otel.example.com?…"],
    ["nats", "nats://user:secret@a:4222/x", "nats://…@a:4222/x"],
  ])("does not print the secret of --%s %s", (flag, text, printed) => {
    expect(errorOf(given({ flags: { [flag]: [text] } }))).toStartWith(`--${flag} is '${printed}'; expected `);
  });

  test("has the documented defaults", () => {
    expect(resolveSettings(given({})).settings).toEqual({
      db: "petit.db",
      url: null,
      tokenFile: null,
      logLevel: "info",
      logFormat: null,
      color: true,
      jobsDir: "jobs",
      jobsGit: null,
      jobsGitRef: "main",
      jobsGitPath: ".",
      jobsGitPollMs: 60_000,
      api: true,
      apiPort: 8565,
      apiHost: "127.0.0.1",
      allowedHosts: [],
      corsOrigins: [],
      publicUrl: null,
      maxConnections: null,
      maxJobs: null,
      queues: new Map(),
      maxTasks: 4,
      onShutdown: "drain",
      shutdownTimeoutMs: 30_000,
      onInterrupt: "fail",
      killGraceMs: 10_000,
      logLimitBytes: 16 * 2 ** 20,
      artifactLimitBytes: 2 ** 30,
      usage: "wait",
      runAsAllowed: [],
      retentionRuns: null,
      retentionDays: null,
      searchLimitBytes: 2 ** 30,
      auditDays: 400,
      auditLog: false,
      otlpEndpoint: null,
      otlpHeadersFile: null,
      epochFile: null,
      backupDir: null,
      backupAt: "30 3 * * *",
      backupKeepDays: 14,
      backupKeepWeeks: 8,
      backupArtifacts: true,
      timezone: null,
      watch: true,
      edit: false,
      mcpWrite: false,
      strict: false,
      nats: [],
      natsCreds: null,
      natsCa: null,
      natsCert: null,
      natsKey: null,
      natsSigningKey: null,
      natsReplicas: 1,
      lostAfterMs: 300_000,
      trust: null,
      workerName: null,
      labels: [],
      slots: 1,
      stateDir: "petit-worker",
      allowedTypes: [],
      taskUser: null,
    });
  });

  test("treats an empty variable as not set", () => {
    expect(resolveSettings(given({ environment: { PETIT_API_PORT: "" } })).settings.apiPort).toBe(8565);
  });

  test.each([
    [{ PETIT_NO_API: "true" }, { api: false }],
    [{ PETIT_NO_API: "0" }, { api: true }],
    [
      { PETIT_NO_WATCH: "yes", PETIT_NO_COLOR: "1" },
      { watch: false, color: false },
    ],
    [{ PETIT_API: "true", PETIT_NO_API: "true" }, { api: true }],
    [{ PETIT_ALLOWED_HOST: "a.example,b.example" }, { allowedHosts: ["a.example", "b.example"] }],
    [{ PETIT_CORS_ORIGIN: "https://a.example" }, { corsOrigins: ["https://a.example"] }],
  ])("takes %j, named as the help writes the flag, for %j", (environment, expected) => {
    const { settings, origins } = resolveSettings(given({ environment }));
    expect(settings).toMatchObject(expected);
    expect(Object.values(origins).filter(({ kind }) => kind === "environment")).toHaveLength(
      Object.keys(expected).length,
    );
  });

  test("names the variable of a value, also of an invalid one", () => {
    const { origins } = resolveSettings(given({ environment: { PETIT_NO_API: "on" } }));
    expect(origins.api).toEqual({ kind: "environment", name: "PETIT_NO_API" });
    const wrong = given({ environment: { PETIT_NO_API: "maybe" } });
    expect(errorOf(wrong)).toBe("PETIT_NO_API is 'maybe'; expected true or false");
  });

  test("splits a variable with several values at commas", () => {
    const { settings } = resolveSettings(given({ environment: { PETIT_ALLOWED_HOSTS: "a.example, b.example" } }));
    expect(settings.allowedHosts).toEqual(["a.example", "b.example"]);
  });

  test("uses the last value of a flag, and all values of a repeatable one", () => {
    const { settings } = resolveSettings(given({ flags: { db: ["a", "b"], "allowed-host": ["a", "b"] } }));
    expect(settings.db).toBe("b");
    expect(settings.allowedHosts).toEqual(["a", "b"]);
  });

  test("adds up the entries of a map, and takes the last one of a name from the origin that takes precedence", () => {
    const all = given({
      flags: { queue: ["db=5", "db=1"] },
      environment: { PETIT_QUEUES: "db=2, gpu=3" },
      file: { queues: ["db=9", "gpu=9", "mail=4"] },
    });
    const { settings, origins } = resolveSettings(all);
    expect([...settings.queues]).toEqual([
      ["db", 1],
      ["gpu", 3],
      ["mail", 4],
    ]);
    expect(origins.queues).toEqual({ kind: "flag", name: "--queue and PETIT_QUEUES and /c.yaml" });
    expect(errorOf(given({ flags: { queue: ["db=1"] }, environment: { PETIT_QUEUE: "x" } }))).toStartWith(
      "PETIT_QUEUE is 'x'; expected NAME=N",
    );
  });

  const wrong: readonly (readonly [string, string, string])[] = [
    ["PETIT_QUEUES", "db", "PETIT_QUEUES is 'db'; expected NAME=N, with a name of letters"],
    ["PETIT_QUEUES", "db=0", "N from 1 to 100000"],
    ["PETIT_QUEUES", "db=1,=2", "expected NAME=N"],
    ["PETIT_QUEUES", "d b=1", "expected NAME=N"],
    ["PETIT_API_PORT", "abc", "PETIT_API_PORT is 'abc'; expected a whole number from 0 to 65535"],
    ["PETIT_API_PORT", "65536", "expected a whole number from 0 to 65535"],
    ["PETIT_API_PORT", "-1", "expected a whole number"],
    ["PETIT_API_PORT", "8565.5", "expected a whole number"],
    ["PETIT_API_HOST", "no such host", "expected a host name or an IP address"],
    ["PETIT_MAX_JOBS", "0", "expected a whole number from 1"],
    ["PETIT_MAX_TASKS", "0", "expected a whole number from 1"],
    ["PETIT_ON_SHUTDOWN", "wait", "expected drain or leave"],
    ["PETIT_ON_INTERRUPT", "retry", "expected fail or rerun"],
    ["PETIT_SHUTDOWN_TIMEOUT", "30", "expected a duration"],
    ["PETIT_KILL_GRACE", "ten", "expected a duration"],
    ["PETIT_LOG_LIMIT", "1", "at least 1KiB"],
    ["PETIT_LOG_LEVEL", "loud", "expected debug, info, warn, error or silent"],
    ["PETIT_LOG_FORMAT", "xml", "expected pretty or json"],
    ["PETIT_WATCH", "maybe", "expected true or false"],
    ["PETIT_TIMEZONE", "Europe/Pariss", "expected an IANA time zone"],
    ["PETIT_URL", "ftp://x", "expected a URL"],
    ["PETIT_CORS_ORIGINS", "*", "expected an origin"],
    ["PETIT_CORS_ORIGINS", "https://*.example.org", "expected an origin"],
    ["PETIT_CORS_ORIGINS", "https://a.example/path", "expected an origin"],
  ];
  test.each(wrong)("refuses %s=%s", (variable, value, message) => {
    expect(errorOf(given({ environment: { [variable]: value } }))).toContain(message);
  });

  test("names the flag or the file of an invalid value", () => {
    expect(errorOf(given({ flags: { "api-port": ["x"] } }))).toStartWith("--api-port is 'x'; expected");
    expect(errorOf(given({ file: { api_port: ["x"] } }))).toStartWith("api_port in /c.yaml is 'x'; expected");
  });
});

describe("the declared settings", () => {
  const all = Object.values<Setting<unknown>>(SETTINGS);

  test("have unique names, flags and letters", () => {
    for (const names of [all.map(({ name }) => name), all.map(flagOf), all.map(variableOf)]) {
      expect(new Set(names).size).toBe(names.length);
    }
    const letters = all.flatMap(({ short }) => short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  });

  test("have valid defaults", () => {
    for (const { name, kind, default: value } of all) {
      const isEmpty = (Array.isArray(value) && value.length === 0) || (value instanceof Map && value.size === 0);
      if (value === null || value === undefined || isEmpty) continue;
      expect([name, kind.parse([kind.format(value)])]).toEqual([name, value]);
    }
  });
});

describe("urlOf", () => {
  const cases: readonly (readonly [string | null, string, number, string])[] = [
    [null, "127.0.0.1", 8565, "http://127.0.0.1:8565"],
    [null, "0.0.0.0", 9000, "http://127.0.0.1:9000"],
    [null, "::1", 9000, "http://[::1]:9000"],
    [null, "::", 9000, "http://[::1]:9000"],
    ["https://petit.example", "127.0.0.1", 8565, "https://petit.example"],
  ];
  test.each(cases)("of %p, %p, %p is %p", (url, apiHost, apiPort, expected) => {
    expect(urlOf({ url, apiHost, apiPort })).toBe(expected);
  });
});
