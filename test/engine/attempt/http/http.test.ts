import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import type { Job, Task } from "../../../../src/domain/job.ts";
import { http, job, param, retry } from "../../../support/engine/factories.ts";
import { type StartOptions, startEngine, waitFor } from "../../../support/engine/started-engine.ts";
import { bodyOf, serveHttp, serveTcp, serveTls } from "../../../support/engine/test-server.ts";
import { tempDir } from "../../../support/temp-dir.ts";

const AUTH = "Bearer correct-horse-battery";

type Options = StartOptions & { readonly job?: Partial<Job>; readonly params?: Readonly<Record<string, string>> };

const runTasks = async (tasks: readonly Task[], { job: given = {}, params, ...options }: Options = {}) => {
  await using petit = await startEngine({
    jobs: [job("j", { tasks, ...given })],
    environment: { PATH: process.env.PATH ?? "", PETIT_AUTH: AUTH, ...runtimeVariables },
    ...options,
  });
  return await petit.run("j", params);
};

/** Deno finds its cache by these. */
const runtimeVariables = Object.fromEntries(
  ["HOME", "DENO_DIR"].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ""]])),
);

const answer =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };

describe("a request", () => {
  test("sends its headers and its body with values of templates and secrets, and prints the answer", async () => {
    const seen: unknown[] = [];
    await using server = await serveHttp(async (request, response) => {
      const { method, url, headers } = request;
      seen.push([method, url, headers["content-type"], headers["x-day"], headers.authorization, await bodyOf(request)]);
      response.end("thanks");
    });
    const common = {
      method: "POST",
      headers: { "X-Day": "${{ params.day }}", Authorization: { env: "PETIT_AUTH" } },
    } as const;
    const json = {
      day: "${{ params.day }}",
      n: "${{ fromJSON(params.day) }}",
      deep: [{ job: "is ${{ job.id }}" }, 1, null],
    };
    const url = `${server.origin}/\${{ params.day }}`;
    const { output, run } = await runTasks(
      [
        http("a", url, { ...common, body: { kind: "json", value: json } }),
        http("b", url, { ...common, body: { kind: "form", fields: { day: "${{ params.day }} &", x: "1" } } }),
        http("c", url, { ...common, body: { kind: "text", text: "on ${{ params.day }}" } }),
      ],
      { settings: { maxTasks: 1 }, params: { day: "27" }, job: { params: { day: param() } } },
    );
    expect(run.status).toBe("completed");
    expect(seen).toEqual([
      ["POST", "/27", "application/json", "27", AUTH, '{"day":"27","n":27,"deep":[{"job":"is j"},1,null]}'],
      ["POST", "/27", "application/x-www-form-urlencoded", "27", AUTH, "day=27+%26&x=1"],
      ["POST", "/27", "text/plain; charset=utf-8", "27", AUTH, "on 27"],
    ]);
    expect(output({ stream: "stdout" })).toBe("thanks".repeat(3));
    expect(output({ task: "a", stream: "stderr" })).toMatch(
      /^POST http:\/\/127\.0\.0\.1:\d+\/27: 200 OK, 6B in \d+ ms\n$/,
    );
  });

  test("refuses a file that is a pipe or a device, which may never end", async () => {
    using dir = tempDir();
    execFileSync("mkfifo", [dir.file("pipe")]);
    await using server = await serveHttp(answer(200, "ok"));
    const send = (id: string, path: string) =>
      http(id, server.origin, { method: "POST", body: { kind: "file", path } });
    const { tasks } = await runTasks([
      send("pipe", dir.file("pipe")),
      send("device", "/dev/zero"),
      http("ca", server.origin, { caFile: dir.file("pipe") }),
    ]);
    expect(tasks.pipe?.error).toBe(`file ${dir.file("pipe")} can't be read: it is not a regular file`);
    expect(tasks.device?.error).toBe("file /dev/zero can't be read: it is not a regular file");
    expect(tasks.ca?.error).toBe(`ca_file ${dir.file("pipe")} can't be read: it is not a regular file`);
  });

  test("never shows the query of its URL, which may be a secret", async () => {
    await using server = await serveTcp((socket) => {
      socket.end("HTTP/1.1 nonsense\r\n\r\n");
    });
    const query = "?token=s3cr3t-s3cr3t#s3cr3t";
    const { tasks, output } = await runTasks(
      [
        http("malformed", `http://127.0.0.1:${server.port}/a${query}`),
        http("refused", `http://127.0.0.1:1/a${query}`),
        http("scheme", "${{ params.url }}/a?token=s3cr3t"),
        http("login", "http://me:s3cr3t@127.0.0.1:1/"),
        http("text", "http://me:s3cr3t@127.0.0.1:port/?s3cr3t"),
      ],
      { params: { url: "ftp://s3cr3t:s3cr3t@x" }, job: { params: { url: param() } } },
    );
    for (const task of Object.values(tasks)) expect(task?.status).toBe("failed");
    expect(JSON.stringify(tasks) + output()).not.toContain("s3cr3t");
    expect(tasks.scheme?.error).toContain("url is not an http or https URL: 'ftp://…@x/a?…'");
  });

  test("sends a file with its length", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("report.csv"), "a,b\n".repeat(50_000));
    let seen: unknown;
    await using server = await serveHttp(async (request, response) => {
      seen = [request.headers["content-length"], request.headers["content-type"], (await bodyOf(request)).length];
      response.end();
    });
    const task = http("t", server.origin, { method: "PUT", body: { kind: "file", path: "report.csv" } });
    await runTasks([task], { job: { source: { file: "j.yaml", line: 1, folder: dir.path } } });
    expect(seen).toEqual(["200000", "application/octet-stream", 200_000]);
  });

  test("reads outputs from the answer", async () => {
    const body = JSON.stringify({ data: { id: 7, name: "x\ny", list: [1, { a: true }], nothing: null } });
    await using server = await serveHttp(answer(200, body));
    const outputs = { id: "/data/id", name: "/data/name", item: "/data/list/1", nothing: "/data/nothing" };
    const { tasks } = await runTasks([http("t", server.origin, { outputs })]);
    expect(tasks.t?.outputs).toEqual({ id: "7", name: "x\ny", item: '{"a":true}', nothing: "" });
  });

  test("keeps the digits of large numbers in outputs", async () => {
    await using server = await serveHttp(answer(200, '{"id": 12345678901234567890, "all": [0.12345678901234567891]}'));
    const { tasks } = await runTasks([http("t", server.origin, { outputs: { id: "/id", all: "/all", no: "" } })]);
    expect(tasks.t?.outputs).toEqual({
      id: "12345678901234567890",
      all: "[0.12345678901234567891]",
      no: '{"id":12345678901234567890,"all":[0.12345678901234567891]}',
    });
  });

  test.each([
    [
      "the answer is nested too deep",
      `${"[".repeat(101)}${"]".repeat(101)}`,
      "the answer is nested more than 100 levels deep, so its outputs can't be read",
    ],
    ["a pointer finds nothing", '{"a":1}', "the answer has nothing at '/b', which the output x needs"],
    ["the answer is not JSON", "<html>", "the answer is not JSON, so its outputs can't be read"],
  ])("fails if %s", async (_, body, error) => {
    await using server = await serveHttp(answer(200, body));
    const { tasks, output } = await runTasks([http("t", server.origin, { outputs: { x: "/b" } })]);
    expect(tasks.t).toMatchObject({ status: "failed", reason: "exit_code", exitCode: 1, error });
    expect(output({ stream: "stdout" })).toBe(body);
    expect(output({ stream: "stderr" })).toEndWith(`petit: ${error}\n`);
  });

  test.each([
    [200, null, null],
    [204, null, null],
    [404, null, 1],
    [408, null, 75],
    [425, null, 75],
    [429, null, 75],
    [500, null, 75],
    [503, null, 75],
    [304, null, 1],
    [404, [404], null],
    [200, [202], 1],
    [503, [200, 503], null],
  ])("with the answer %p, where %p is expected, ends with %p", async (status, statuses, exitCode) => {
    await using server = await serveHttp(answer(status, ""));
    const { tasks } = await runTasks([http("t", server.origin, { statuses })]);
    expect(tasks.t?.exitCode).toBe(exitCode ?? 0);
    if (exitCode !== null) expect(tasks.t?.error).toStartWith(`the server answered ${status}`);
  });

  test("is repeated after the delay that the server asks for", async () => {
    await using server = await serveHttp(answer(503, "", { "retry-after": "600" }));
    const task = http("t", server.origin, {
      retry: retry(3, { condition: "transient_only", delayMs: 5, maxDelayMs: 300_000 }),
    });
    await using petit = await startEngine({ jobs: [job("j", { tasks: [task] })] });
    const { id } = await petit.trigger("j");
    await waitFor(() => petit.read(id).tasks.t?.retryAt != null);
    const { tasks, attempts } = petit.read(id);
    // `max_delay` is less than what the server asks for.
    expect((tasks.t?.retryAt ?? 0) - (attempts[0]?.endedAt ?? 0)).toBe(300_000);
    await petit.engine.cancel(id);
    await petit.ended(id);
  });
});

describe("a redirect", () => {
  test("is followed up to five times", async () => {
    let requests = 0;
    await using server = await serveHttp((request, response) => {
      requests++;
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end("arrived");
      else response.writeHead(302, { location: `/${left - 1}` }).end("moved");
    });
    const near = await runTasks([http("t", `${server.origin}/5`)]);
    expect([near.run.status, near.output({ stream: "stdout" }), requests]).toEqual(["completed", "arrived", 6]);
    const far = await runTasks([http("t", `${server.origin}/6`)]);
    expect([far.tasks.t?.exitCode, far.tasks.t?.error, requests]).toEqual([1, "redirected more than 5 times", 12]);
  });

  test("does not send secrets to another origin, nor back from it", async () => {
    const seen: unknown[] = [];
    const first = await serveHttp((request, response) => {
      seen.push([
        "first",
        request.url,
        request.headers.authorization,
        request.headers["x-key"],
        request.headers["x-plain"],
      ]);
      if (request.url === "/end") response.end();
      else response.writeHead(307, { location: request.url === "/same" ? other.origin : "/same" }).end();
    });
    const other = await serveHttp((request, response) => {
      seen.push([
        "other",
        request.url,
        request.headers.authorization,
        request.headers["x-key"],
        request.headers["x-plain"],
      ]);
      response.writeHead(307, { location: `${first.origin}/end` }).end();
    });
    await using _first = first;
    await using _other = other;
    const headers = { authorization: "literal", "X-Key": { env: "PETIT_AUTH" }, "X-Plain": "plain" };
    const { run } = await runTasks([http("t", `${first.origin}/`, { headers })]);
    expect(run.status).toBe("completed");
    expect(seen).toEqual([
      ["first", "/", "literal", AUTH, "plain"],
      ["first", "/same", "literal", AUTH, "plain"],
      ["other", "/", undefined, undefined, "plain"],
      ["first", "/end", undefined, undefined, "plain"],
    ]);
  });
});

describe("a fault of the connection is transient", () => {
  test.each([
    ["a reset", (server: string) => `${server} closed the connection before the answer was complete (ECONNRESET)`, ""],
    [
      "an answer shorter than it says",
      (server: string) => `${server} closed the connection`,
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
    ],
    [
      "chunks without an end",
      (server: string) => `${server} closed the connection`,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
  ])("%s", async (_, error, text) => {
    await using server = await serveTcp((socket) => (text === "" ? socket.resetAndDestroy() : socket.end(text)));
    const { tasks } = await runTasks([http("t", server.origin, { outputs: { x: "" } })]);
    expect(tasks.t).toMatchObject({ status: "failed", exitCode: 75, outputs: {} });
    expect(tasks.t?.error).toStartWith(error(`127.0.0.1:${server.port}`));
  });

  test("a refused connection, and a name that does not exist", async () => {
    const { port } = await serveTcp(() => {}).then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    const { tasks } = await runTasks([http("a", `http://127.0.0.1:${port}`), http("b", "http://no-such-host.invalid")]);
    expect(tasks.a).toMatchObject({ exitCode: 75, error: `127.0.0.1:${port} refused the connection (ECONNREFUSED)` });
    expect(tasks.b?.exitCode).toBe(75);
    expect(tasks.b?.error).toStartWith("the name no-such-host.invalid ");
  });
});

test("a server that never answers is left at the timeout, and when the run is cancelled", async () => {
  await using server = await serveTcp(() => {});
  const { tasks } = await runTasks([http("t", server.origin, { timeoutMs: 300 })]);
  expect(tasks.t).toMatchObject({ status: "failed", reason: "timeout" });
  const connected = Promise.withResolvers<void>();
  await using other = await serveTcp(() => connected.resolve());
  await using petit = await startEngine({ jobs: [job("j", { tasks: [http("t", other.origin)] })] });
  const { id } = await petit.trigger("j");
  await connected.promise;
  await petit.engine.cancel(id);
  expect((await petit.ended(id)).tasks.t).toMatchObject({ status: "failed", reason: "cancelled" });
});

test("a certificate must be signed by an authority that ca_file names", async () => {
  using dir = tempDir();
  await using server = await serveTls(dir, answer(200, "safe"));
  const { tasks, output } = await runTasks([
    http("trusted", server.origin, { caFile: server.caFile }),
    http("unknown", server.origin, { environment: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } }),
    http("other_name", `https://127.0.0.1:${server.port}`, { caFile: server.caFile }),
    http("no_file", server.origin, { caFile: dir.file("none.pem") }),
  ]);
  expect(output({ stream: "stdout" })).toBe("safe");
  expect(tasks.trusted?.status).toBe("completed");
  expect(tasks.unknown?.exitCode).toBe(1);
  expect(tasks.unknown?.error).toStartWith(`the certificate of localhost:${server.port} is not trusted (`);
  expect(tasks.other_name?.error).toStartWith(`the certificate of 127.0.0.1:${server.port} is not trusted (`);
  expect(tasks.no_file?.error).toStartWith(`ca_file ${dir.file("none.pem")} can't be read: ENOENT`);
});

describe("the process of a request", () => {
  test("shows no secret in its arguments, its environment, the database or the spool folder", async () => {
    using dir = tempDir();
    const arrived = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    await using server = await serveHttp(async (request, response) => {
      arrived.resolve();
      await open.promise;
      response.end(
        JSON.stringify({ auth: request.headers.authorization, token: AUTH.slice(7), key: request.headers["x-key"] }),
      );
    });
    const headers = { Authorization: { env: "PETIT_AUTH" }, "X-Key": { env: "PETIT_KEY" } };
    const task = http("t", server.origin, { headers, outputs: { auth: "/auth", token: "/token" } });
    await using petit = await startEngine({
      jobs: [job("j", { tasks: [task], environment: { UNNEEDED: { env: "PETIT_KEY" } } })],
      environment: { PATH: process.env.PATH ?? "", PETIT_AUTH: AUTH, PETIT_KEY: "another-secret", ...runtimeVariables },
      dir: dir.path,
    });
    const { id } = await petit.trigger("j");
    await arrived.promise;
    await waitFor(() => petit.read(id).attempts[0]?.process !== null);
    const { pid = 0 } = petit.read(id).attempts[0]?.process ?? {};
    if (process.platform === "linux") expect(processTexts(pid)).not.toMatch(/correct-horse|another-secret/);
    expect(bytesIn(dir.path)).not.toMatch(/correct-horse|another-secret/);
    open.resolve();
    const { tasks, output } = await petit.ended(id);
    expect(tasks.t?.outputs).toEqual({ auth: "***", token: "***" });
    expect(output({ stream: "stdout" })).toBe('{"auth":"***","token":"***","key":"***"}');
    expect(bytesIn(dir.path)).not.toMatch(/correct-horse|another-secret/);
  });

  test("copies a large answer piece by piece, of which the limit is kept", async () => {
    const piece = Buffer.alloc(65_536, `${"x".repeat(63)}\n`);
    await using server = await serveHttp((_, response) => {
      let left = 320;
      const more = (): void => {
        while (left-- > 0) if (!response.write(piece)) return void response.once("drain", more);
        response.end();
      };
      more();
    });
    const { run, bytes, output } = await runTasks([http("t", server.origin)], { settings: { logLimitBytes: 262_144 } });
    expect(run.status).toBe("completed");
    expect(bytes().length).toBeLessThan(270_000);
    expect(output({ stream: "stderr" })).toContain("200 OK, 20MiB in ");
  });
});

/** Returns the arguments and variables of the processes in a group. */
const processTexts = (group: number): string =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) !== group) return "";
        return readFileSync(`/proc/${name}/cmdline`, "utf8") + readFileSync(`/proc/${name}/environ`, "utf8");
      } catch {
        // It has ended.
        return "";
      }
    })
    .join("\0");

/** Returns the contents of all files in a folder. petit may rename and remove some of them meanwhile. */
const bytesIn = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => textIn(join(folder, name)))
    .join("\0");

const textIn = (path: string): string => {
  try {
    return statSync(path).isFile() ? readFileSync(path, "latin1") : "";
  } catch {
    return "";
  }
};
