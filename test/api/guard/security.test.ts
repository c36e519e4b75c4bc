import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { petit as cli, tempFolder } from "../../support/cli.ts";
import { ask, post, raw, runToEnd } from "../../support/petit/api.ts";
import { parseMetrics } from "../../support/petit/metrics.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { isDeno } from "../../support/runtime-command.ts";

const JOBS = {
  "jobs.yaml": `
id: hello
params: {x: {default: ""}}
config: {secret: swordfish}
tasks:
  - {id: variable, type: shell, script: 'printf "[%s]" "$PETIT_PARAM_X"'}
  - {id: argument, type: command, command: printf, args: ["<%s>", "\${{ params.x }}"], depends_on: [variable]}
  - {id: input, type: command, command: cat, stdin: "{\${{ params.x }}}", depends_on: [argument]}
---
id: twice
params: {x: {default: ""}}
tasks: [{id: only, type: command, command: "true", args: ["\${{ params.x }}\${{ params.x }}"]}]
---
id: mail
params: {to: {pattern: '^\\S+@\\S+\\.\\S+$'}}
tasks: [{id: only, type: shell, script: 'printf "%s" "$PETIT_PARAM_TO" | wc -c'}]
---
id: spy
tasks: [{id: only, type: shell, script: 'env; tr "\\\\0" "\\\\n" < /proc/$PPID/cmdline; ls -a'}]
---
id: noisy
tasks: [{id: only, type: shell, script: 'head -c 8000000 /dev/zero | tr "\\\\0" "x" | fold -w 100'}]
`,
};

const TRIGGER = "/api/jobs/hello/trigger";

/** The first bytes of connections that never continue. */
const HALF = {
  "their headers": `POST ${TRIGGER} HTTP/1.1\r\nHost: localhost\r\nX-Slow: `,
  "their body": `POST ${TRIGGER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{"params":`,
  "to read": `GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(20),
  "to say anything": "",
} as const;

let petit: Petit;
/** Another process, whose connections stay idle from the start. */
let forgetful: Petit;
let forgotten: readonly Socket[] = [];
beforeAll(async () => {
  petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  forgetful = await startPetit();
  const starts = [HALF["their headers"], HALF["to say anything"]];
  forgotten = await Promise.all(Array.from({ length: 200 }, (_, index) => dial(forgetful, starts[index % 2] ?? "")));
});
afterAll(async () => {
  for (const each of [petit, forgetful]) await each[Symbol.asyncDispose]();
});

/** Opens a connection and writes the text. */
const dial = (to: Petit, start: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(to.url);
    const socket = connect(Number(port), hostname, () => socket.write(start, () => resolve(socket)));
    socket.on("error", reject);
  });

const runs = async (): Promise<number> => (await ask(petit, "/api/runs?limit=1000")).body.count;

const residentBytes = async (): Promise<number> =>
  parseMetrics(await (await petit.fetch("/metrics")).text()).value("process_resident_memory_bytes") ?? Number.NaN;

describe("header smuggling", () => {
  const body = '{"params":{"x":"smuggled"}}';
  const inner = `POST ${TRIGGER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const outer = (headers: string, rest: string, path = "/api/scheduler/resume"): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n${rest}`;

  test.each([
    [
      "a length and chunks",
      outer(`Content-Length: ${inner.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${inner}`),
    ],
    ["chunks and a length", outer(`Transfer-Encoding: chunked\r\nContent-Length: 5`, `0\r\n\r\n${inner}`)],
    ["two lengths", outer(`Content-Length: 0\r\nContent-Length: ${inner.length}`, inner)],
    ["a list of lengths", outer(`Content-Length: 0, ${inner.length}`, inner)],
    ["a signed length", outer("Content-Length: +0", inner)],
    ["a negative length", outer("Content-Length: -1", inner)],
    ["a hexadecimal length", outer("Content-Length: 0x0", inner)],
    ["an unknown encoding", outer("Transfer-Encoding: xchunked", inner)],
    ["chunks that are not last", outer("Transfer-Encoding: chunked, identity", `0\r\n\r\n${inner}`)],
    ["a blank before the colon", outer("Content-Length : 0\r\nTransfer-Encoding : chunked", inner)],
    ["a folded line", outer("X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0", inner)],
    ["a bare CR", outer("X: a\rTransfer-Encoding: chunked\r\nContent-Length: 0", inner)],
    ["a bare LF", outer("X: a\nTransfer-Encoding: chunked\r\nContent-Length: 0", inner)],
    ["a NUL", outer("X: a\0b\r\nContent-Length: 0", inner)],
  ])("by %s is refused with the whole request", async (_name, text) => {
    const before = await runs();
    const answer = await raw(petit.url, text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(await runs()).toBe(before);
  });

  test("by an endless chunk is refused: 400, or no answer from Deno", async () => {
    const before = await runs();
    const answer = await raw(petit.url, outer("Transfer-Encoding: chunked", `FFFFFFFFFFFFFFFFF\r\n${inner}`, TRIGGER));
    expect(answer.slice(0, 13)).toBe(isDeno ? "" : "HTTP/1.1 400 ");
    expect(answer.match(/HTTP\/1\.1 /g) ?? []).toHaveLength(isDeno ? 0 : 1);
    expect(await runs()).toBe(before);
  });

  test("a second request on a connection is checked like the first", async () => {
    const first = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const second = `POST ${TRIGGER} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const before = await runs();
    expect((await raw(petit.url, first + second)).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
    expect(await runs()).toBe(before);
  });

  test.each([
    ["X-Forwarded-Host", "evil.example"],
    ["X-Host", "evil.example"],
    ["Forwarded", "host=evil.example"],
    ["X-Original-URL", TRIGGER],
    ["X-Rewrite-URL", TRIGGER],
    ["X-HTTP-Method-Override", "POST"],
    ["X-Request-Id", "mine"],
  ])("%s changes nothing", async (name, value) => {
    const before = await runs();
    const { status, headers, body } = await ask(petit, "/api/jobs/hello", { headers: { [name]: value } });
    expect([status, body.id, headers.get("x-request-id") === value]).toEqual([200, "hello", false]);
    expect(await runs()).toBe(before);
  });

  test("a foreign Host is refused, whatever the proxies' headers say", async () => {
    const headers = "Host: evil.example\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n";
    expect(await raw(petit.url, `GET /api/jobs HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 403 /,
    );
  });

  test.each([
    `/api/jobs/${encodeURIComponent("x\r\nSet-Cookie: a=b")}`,
    `/api/runs?before=${encodeURIComponent("x\r\nSet-Cookie: a=b")}`,
    `/${encodeURIComponent("x\r\nSet-Cookie: a=b")}`,
  ])("line breaks in %p reach no header of the answer", async (path) => {
    const { status, headers } = await ask(petit, path);
    expect(status).toBe(404);
    expect(headers.get("set-cookie")).toBeNull();
  });

  test("line breaks in an idempotency key are refused", async () => {
    const head = `POST ${TRIGGER} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    expect(await raw(petit.url, head)).toStartWith("HTTP/1.1 400 ");
  });
});

describe("parameter injection", () => {
  test.each([
    ["a command", "$(touch pwned); `touch pwned`; touch pwned #"],
    ["quotes", `" ; touch pwned ; echo "' ; touch pwned ; '`],
    ["options", "-rf --help"],
    ["a template", "${{ config.secret }} ${{ params.x }} ${{ tasks.variable.outputs.x }}"],
    ["a format", "%s%n%d\\n\\0"],
    ["lines", "a\nPETIT_OUTPUT=/etc/passwd\r\nb"],
    ["escapes", "\u001b]0;owned\u0007\u001b[2J"],
    ["wildcards", "* ~ $HOME ? [a-z]"],
  ])("%s stays text, in a variable, an argument and the input", async (_name, x) => {
    const run = await runToEnd(petit, "hello", { x });
    expect([run.status, run.params]).toEqual(["completed", { x }]);
    expect(await (await petit.fetch(`/api/runs/${run.id}/logs`)).text()).toBe(`[${x}]<${x}>{${x}}`);
    expect(readdirSync(petit.dir)).not.toContain("pwned");
  });

  test.each([
    ["that the job doesn't know", { PATH: "/tmp" }],
    ["that is a variable of petit", { PETIT_OUTPUT: "/etc/passwd" }],
    ["that every object has", JSON.parse('{"__proto__":"x"}')],
    ["that every object inherits", { constructor: "x" }],
    ["with a NUL", { x: "a\0b" }],
    ["that is longer than a process can be given", { x: "x".repeat(131_058) }],
  ])("a param %s is refused", async (_name, params) => {
    const before = await runs();
    expect(await post(petit, TRIGGER, { params })).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(await runs()).toBe(before);
  });

  test("the longest param that fits a process reaches it", async () => {
    const x = "x".repeat(131_057);
    const run = await runToEnd(petit, "hello", { x });
    expect(run.status).toBe("completed");
    expect(await (await petit.fetch(`/api/runs/${run.id}/logs`)).text()).toBe(`[${x}]<${x}>{${x}}`);
  });

  test("an argument that fits no process fails its run, and nothing else", async () => {
    const run = await runToEnd(petit, "twice", { x: "x".repeat(100_000) });
    expect([run.status, run.reason]).toEqual(["failed", "spawn_failed"]);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });

  test("a param that makes a backtracking engine slow is matched in linear time", async () => {
    const hostile = (length: number): string => `${"a@".padEnd(length - 1, ".a@")} `;
    for (const length of [6_000, 130_000]) {
      const refused = await post(petit, "/api/jobs/mail/trigger", { params: { to: hostile(length) } });
      expect(refused).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
      expect(refused.body).toHaveProperty("error", expect.stringContaining("expected a value that matches ^\\S+@"));
    }
    const refused = await post(petit, "/api/jobs/mail/trigger", { params: { to: hostile(900_000) } });
    expect(refused.body).toHaveProperty("error", expect.stringContaining("param 'to' has 900000 bytes; expected at"));
    expect(await runToEnd(petit, "mail", { to: "a@b.c" })).toMatchObject({ status: "completed" });
  });

  test.each(["../../etc/passwd", "%2e%2e%2f", "only'--", "a\0", "__proto__"])(
    "a log of task %p is 404",
    async (task) => {
      const run = await runToEnd(petit, "hello");
      const { status } = await ask(petit, `/api/runs/${run.id}/logs?task=${encodeURIComponent(task)}`);
      expect(status).toBe(404);
    },
  );
});

describe("the token", () => {
  const TOKEN = "a-token-that-nobody-else-may-see";

  /** Returns the content of all files of petit. It is suspended meanwhile, because it deletes files of ended tasks later. */
  const filesOf = (locked: Petit): string => {
    process.kill(locked.pid, "SIGSTOP");
    try {
      const stat = (): string => readFileSync(`/proc/${locked.pid}/stat`, "latin1");
      while (!/\) T /.test(stat())) {}
      return readdirSync(locked.dir, { recursive: true, withFileTypes: true })
        .filter((each) => each.isFile())
        .map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1"))
        .join("");
    } finally {
      process.kill(locked.pid, "SIGCONT");
    }
  };

  const everything = async (locked: Petit): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const text = async (path: string, init: RequestInit = {}): Promise<string> => {
      const response = await locked.fetch(path, { headers, ...init });
      return JSON.stringify([...response.headers]) + (await response.text());
    };
    const run = await ask(locked, "/api/jobs/spy/trigger?wait=30", { method: "POST", headers });
    const answers = {
      child: await text(`/api/runs/${run.body.run_id}/logs`),
      run: JSON.stringify(run.body),
      metrics: await text("/metrics"),
      jobs: await text("/api/jobs"),
      description: (await text("/api/openapi.json")) + (await text("/api/docs")),
      "wrong token": await text("/api/jobs", { headers: { authorization: `Bearer ${TOKEN}x` } }),
      "wrong scheme": await text("/api/jobs", { headers: { authorization: `Basic ${TOKEN}` } }),
      "wrong place": await text(`/api/jobs?token=${TOKEN}`, { headers: {} }),
      "wrong path": await text("/nowhere"),
      "wrong method": await text("/api/jobs", { method: "DELETE", headers }),
      "wrong body": await text("/api/jobs/spy/trigger", { method: "POST", body: "{", headers }),
      argv: readFileSync(`/proc/${locked.pid}/cmdline`, "utf8"),
      files: filesOf(locked),
    };
    await locked.stop();
    return { ...answers, log: locked.stderr() };
  };

  test.each(["file", "variable", "credential"])(
    "of a %s is in no answer, metric, log, argument, child or file of petit",
    async (place) => {
      using folder = tempFolder();
      const file = folder.write("petit-token", `${TOKEN}\n`);
      const environments: Readonly<Record<string, Readonly<Record<string, string>>>> = {
        variable: { PETIT_API_TOKEN: TOKEN },
        credential: { CREDENTIALS_DIRECTORY: folder.path },
      };
      await using locked = await startPetit({
        jobs: JOBS,
        args: ["--no-watch", "--log-level", "debug", ...(place === "file" ? ["--token-file", file] : [])],
        env: environments[place] ?? {},
      });
      const found = await everything(locked);
      expect(found.child).toContain("PETIT_JOB_ID=spy");
      expect(found.log).toContain("was answered 401");
      for (const [where, text] of Object.entries(found)) expect([where, text.includes(TOKEN)]).toEqual([where, false]);
      expect(found.child).not.toContain("CREDENTIALS_DIRECTORY");
    },
  );

  test("is not read from the command line, and not repeated in the error", async () => {
    for (const args of [["--token", TOKEN], [`--token=${TOKEN}`], [`--api-token=${TOKEN}`]]) {
      const { status, stdout, stderr } = await cli(["run", "jobs", ...args]);
      expect([status, (stdout + stderr).includes(TOKEN)]).toEqual([2, false]);
    }
  });
});

describe("200 connections that never finish", () => {
  /** The heap of Deno grows further before it is collected. */
  const MAX_GROWTH = isDeno ? 150_000_000 : 100_000_000;
  const openFiles = (): number => readdirSync(`/proc/${petit.pid}/fd`).length;

  test.each(Object.entries(HALF))(
    "%s keep nobody else waiting, and cost little memory",
    async (_name, start) => {
      const [before, filesBefore] = [await residentBytes(), openFiles()];
      const sockets = await Promise.all(Array.from({ length: 200 }, () => dial(petit, start)));
      for (const socket of sockets) socket.pause();
      for (let drip = 0; drip < 5; drip += 1) {
        for (const socket of sockets) if (start.startsWith("POST")) socket.write("x");
        const since = performance.now();
        expect((await runToEnd(petit, "hello")).status).toBe("completed");
        // A run that waited for one of the connections would wait until petit closes it, which is after 30 s.
        expect(performance.now() - since).toBeLessThan(25_000);
      }
      // Garbage counts until it is collected, which answers give petit time for.
      let growth = (await residentBytes()) - before;
      for (let asked = 0; growth >= MAX_GROWTH && asked < 500; asked += 1) {
        await ask(petit, "/api/health");
        growth = (await residentBytes()) - before;
      }
      expect(growth).toBeLessThan(MAX_GROWTH);
      for (const socket of sockets) socket.destroy();
      // Each answer gives petit time to notice that they are gone.
      while (openFiles() > filesBefore + 10) await ask(petit, "/api/health");
    },
    120_000,
  );

  test("but read a large log slowly: memory stays bounded", async () => {
    const run = await runToEnd(petit, "noisy");
    const before = await residentBytes();
    const request = `GET /api/runs/${run.id}/logs HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const sockets = await Promise.all(Array.from({ length: 50 }, () => dial(petit, request)));
    for (const socket of sockets) socket.pause();
    expect((await runToEnd(petit, "hello")).status).toBe("completed");
    expect((await residentBytes()) - before).toBeLessThan(150_000_000);
    for (const socket of sockets) socket.destroy();
  });
});

describe("a request that is too large", () => {
  const line = "GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  test.each([
    ["a header", `${line}X: ${"a".repeat(20_000)}\r\n\r\n`],
    ["a million bytes of header", `${line}X: ${"a".repeat(1_000_000)}\r\n\r\n`],
    ["a thousand headers", `${line}${"X: a\r\n".repeat(1000)}\r\n`],
    ["a path", `GET /api/jobs/${"a".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`],
  ])("is refused: %s", async (name, text) => {
    const answer = await raw(petit.url, text).catch(() => "HTTP/1.1 431 (cut)");
    // Deno accepts a hundred headers.
    expect(answer).toMatch(isDeno && name === "a thousand headers" ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 431 /);
    expect((await ask(petit, "/api/health")).body.status).toBe("ok");
  });
});

describe("a YAML bomb", () => {
  test("in JOBS_DIR breaks only itself: other jobs run, and memory stays bounded", async () => {
    const laughs = Array.from({ length: 9 }, (_, level) => {
      const each = level === 0 ? "lol" : `*l${level - 1}`;
      return `  l${level}: &l${level} [${Array(10).fill(each)}]`;
    });
    await using bombed = await startPetit({
      jobs: {
        "good.yaml": "id: good\ntasks: [{id: t, type: command, command: 'true'}]\n",
        "laughs.yaml": `id: laughs\nconfig:\n${laughs.join("\n")}\ntasks: [{id: t, type: command, command: 'true'}]\n`,
        "deep.yaml": `id: deep\nconfig: ${"[".repeat(500_000)}`,
        "large.yaml": `id: large\ndescription: ${"x".repeat(2_000_000)}\n`,
        "copies.yaml": `id: copies\nconfig:\n  a: &a ${"x".repeat(500_000)}\n  b: [${Array(900).fill("*a")}]\n`,
      },
    });
    const { body } = await ask(bombed, "/api/health");
    expect([body.status, body.reasons.length]).toEqual(["degraded", expect.any(Number)]);
    expect((await ask(bombed, "/api/jobs")).body.jobs.map(({ id }: { id: string }) => id)).toEqual(["good"]);
    expect((await runToEnd(bombed, "good")).status).toBe("completed");
    const reloaded = await post(bombed, "/api/jobs/reload");
    expect(new Set(reloaded.body.problems.map(({ file }: { file: string }) => file)).size).toBe(4);
    expect(JSON.stringify([body, reloaded.body]).length).toBeLessThan(10_000);
    const { value } = parseMetrics(await (await bombed.fetch("/metrics")).text());
    expect(value("process_resident_memory_bytes")).toBeLessThan(400_000_000);
  });
});

describe("200 idle connections", () => {
  test.skipIf(isDeno)(
    "are closed by petit; Deno closes no idle connection",
    async () => {
      const ended = forgotten.map(
        (socket) => new Promise<void>((resolve) => (socket.closed ? resolve() : socket.resume().on("close", resolve))),
      );
      await Promise.all(ended);
      expect((await ask(forgetful, "/api/health")).body.status).toBe("ok");
    },
    60_000,
  );
});
