import { describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import type { Job } from "../../../src/domain/job.ts";
import { command, http, items, job, retry, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { serveHttp } from "../../support/engine/test-server.ts";
import { startCollector } from "../../support/otlp/collector.ts";
import type { DecodedSpan } from "../../support/otlp/decode.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Deno finds its cache by these. */
const RUNTIME = Object.fromEntries(
  ["HOME", "DENO_DIR"].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ""]])),
);

/** Runs the job `j` with traces, and returns its output and the spans of its attempts. */
const traced = async (given: Partial<Omit<Job, "id">>, environment: Readonly<Record<string, string>> = {}) => {
  await using collector = startCollector();
  await using petit = await startEngine({
    jobs: [job("j", given)],
    environment: { PATH: process.env.PATH ?? "", ...RUNTIME, ...environment },
    traces: { url: `${collector.url}/v1/traces`, headers: {}, source: { version: "1", attributes: {} } },
  });
  const finished = await petit.run("j");
  const spans = await collector.traceOf(finished.run.id);
  return { ...finished, attempts: spans.filter(({ name }) => name.endsWith(" attempt")) };
};

const parentOf = ({ traceId, spanId }: DecodedSpan): string => `00-${traceId}-${spanId}-01`;

const SHOW = 'echo "$TRACEPARENT ${TRACESTATE-none}"';
const OUTER = { TRACEPARENT: "00-11111111111111111111111111111111-1111111111111111-01", TRACESTATE: "a=b" };

describe("TRACEPARENT", () => {
  test("is the span of the attempt, different for each item and each retry", async () => {
    const tasks = [shell("t", `${SHOW}; exit 1`, { items: items(["a", "b"]), retry: retry(1) })];
    const { output, attempts } = await traced({ tasks });
    expect(attempts).toHaveLength(4);
    expect(output().trim().split("\n").toSorted()).toEqual(attempts.map((span) => `${parentOf(span)} none`).toSorted());
  });

  test("replaces that of petit's own environment, which belongs to another trace, also without inheritance", async () => {
    const { output, attempts } = await traced({ tasks: [shell("t", SHOW)] }, OUTER);
    expect(output()).toBe(`${attempts.map(parentOf)} none\n`);
    const alone = await traced({ tasks: [shell("t", SHOW)], inheritEnvironment: false }, OUTER);
    expect(alone.output()).toBe(`${alone.attempts.map(parentOf)} none\n`);
  });

  test("does not replace what the job file says", async () => {
    const { output } = await traced({ tasks: [shell("t", SHOW)], environment: { TRACEPARENT: "own" } });
    expect(output()).toBe("own none\n");
  });

  test("is not set without traces: tasks inherit that of petit", async () => {
    await using petit = await startEngine({
      jobs: [job("j", { tasks: [shell("t", SHOW)] })],
      environment: { PATH: process.env.PATH ?? "", ...OUTER },
    });
    expect((await petit.run("j")).output()).toBe(`${OUTER.TRACEPARENT} ${OUTER.TRACESTATE}\n`);
  });

  test("goes into containers", async () => {
    using dir = tempDir();
    // Stands for the client of a container engine.
    writeFileSync(dir.file("docker"), '#!/bin/sh\necho "$TRACEPARENT"\necho "$@"\n');
    chmodSync(dir.file("docker"), 0o755);
    const container = { ...NO_OPTIONS, image: "i", engine: "docker" } as const;
    const { output, attempts } = await traced(
      { tasks: [command("t", "true", { container })] },
      { PATH: `${dir.path}:${process.env.PATH ?? ""}` },
    );
    const [value, call] = output().split("\n");
    expect(value).toBe(attempts.map(parentOf).join());
    expect(call).toContain(" --env TRACEPARENT ");
  });
});

const NO_OPTIONS = {
  volumes: [],
  user: null,
  network: null,
  pull: null,
  memory: null,
  cpus: null,
  entrypoint: null,
};

describe("a request of a task of type http", () => {
  const requested = async (headers: Readonly<Record<string, string>>) => {
    const seen: (string | string[] | undefined)[] = [];
    await using server = await serveHttp((request, response) => {
      seen.push(request.headers.traceparent);
      response.end();
    });
    const { attempts } = await traced({ tasks: [http("t", server.origin, { headers })] });
    return { seen, attempts };
  };

  test("has the span of the attempt in its header, and that span is one of a client", async () => {
    const { seen, attempts } = await requested({});
    expect(seen).toEqual(attempts.map(parentOf));
    expect(attempts).toMatchObject([{ kind: 3 }]);
  });

  test("keeps the header of the job file", async () => {
    expect((await requested({ TraceParent: "own" })).seen).toEqual(["own"]);
  });
});
