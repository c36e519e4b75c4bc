import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { openRuntime } from "#runtime";
import type { SpawnOptions } from "../../src/runtime/runtime.ts";
import { startChild } from "../support/child.ts";
import { tempDir } from "../support/temp-dir.ts";

const runtime = openRuntime();

describe("openDatabase", () => {
  test("removes the log files when it is closed", () => {
    using dir = tempDir();
    const db = runtime.openDatabase(dir.file("t.db"));
    db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
    db.prepare("INSERT INTO t VALUES ($x)").run({ x: 1 });
    db.prepare("SELECT * FROM t").all();
    expect(readdirSync(dir.path).sort()).toEqual(["t.db", "t.db-shm", "t.db-wal"]);
    db.close();
    expect(readdirSync(dir.path)).toEqual(["t.db"]);
  });

  test("binds and returns values of every type, and counts changed rows", () => {
    const db = runtime.openDatabase(":memory:");
    db.exec("CREATE TABLE t (i INTEGER, r REAL, t TEXT, b BLOB, n)");
    const row = { i: 2 ** 53 - 1, r: 1.5, t: "äb", b: new Uint8Array([0, 255]), n: null };
    expect(db.prepare("INSERT INTO t VALUES ($i, $r, $t, $b, $n)").run(row)).toBe(1);
    expect(db.prepare("SELECT * FROM t").get()).toEqual(row);
    expect(db.prepare("SELECT * FROM t WHERE i = $i").all({ i: 1 })).toEqual([]);
    expect(db.prepare("SELECT * FROM t WHERE i = $i").get({ i: 1 })).toBeNull();
    expect(db.prepare("UPDATE t SET n = 1 WHERE i = 1").run()).toBe(0);
    db.close();
  });

  test.skipIf(runtime.name === "deno")("returns a text with a NUL unchanged; Deno truncates it", () => {
    const db = runtime.openDatabase(":memory:");
    expect(db.prepare("SELECT $text AS text").get({ text: "a\0b" })).toEqual({ text: "a\0b" });
    db.close();
  });

  test("binds a whole number as INTEGER, so that SQLite divides it as one", () => {
    const db = runtime.openDatabase(":memory:");
    expect(db.prepare("SELECT $x / 2 AS half, typeof($x) AS kind").get({ x: 5 })).toEqual({ half: 2, kind: "integer" });
    db.close();
  });

  test("adds the code to errors of one statement and of several", () => {
    using dir = tempDir();
    const [first, second] = [runtime.openDatabase(dir.file("t.db")), runtime.openDatabase(dir.file("t.db"))];
    first.exec("CREATE TABLE t (x); BEGIN EXCLUSIVE");
    const busy = expect.objectContaining({ code: expect.stringMatching(/^SQLITE_BUSY/) });
    expect(() => second.exec("BEGIN EXCLUSIVE")).toThrow(busy);
    expect(() => second.prepare("BEGIN EXCLUSIVE").run()).toThrow(busy);
    first.close();
    second.close();
    writeFileSync(dir.file("none.db"), "x".repeat(4_096));
    const none = runtime.openDatabase(dir.file("none.db"));
    const unknown = expect.objectContaining({ code: "SQLITE_NOTADB" });
    expect(() => none.exec("CREATE TABLE t (x)")).toThrow(unknown);
    expect(() => none.prepare("CREATE TABLE t (x)").run()).toThrow(unknown);
    none.close();
  });

  test.each([{}, { y: 1 }])("refuses missing or misspelt parameters: %j", (params) => {
    const db = runtime.openDatabase(":memory:");
    expect(() => db.prepare("SELECT $x AS x").get(params)).toThrow();
    db.close();
  });

  test("does not write in read-only mode", () => {
    using dir = tempDir();
    const first = runtime.openDatabase(dir.file("t.db"));
    first.exec("CREATE TABLE t (x)");
    first.close();
    for (const options of [{ readonly: true }, { immutable: true }]) {
      const db = runtime.openDatabase(dir.file("t.db"), options);
      expect(db.prepare("SELECT count(*) AS count FROM t").get()).toEqual({ count: 0 });
      expect(() => db.exec("INSERT INTO t VALUES (1)")).toThrow("readonly");
      db.close();
    }
    expect(() => runtime.openDatabase(dir.file("none.db"), { readonly: true })).toThrow();
    expect(readdirSync(dir.path)).toEqual(["t.db"]);
  });
});

describe("spawn", () => {
  /** Runs a script whose output and descriptor 3 are files. */
  const run = async (script: string, given: Partial<SpawnOptions> = {}) => {
    using dir = tempDir();
    const [stdout, status] = [openSync(dir.file("out"), "a+"), openSync(dir.file("status"), "a+")];
    const argv = ["/bin/sh", "-c", script];
    const child = runtime.spawn({
      argv,
      cwd: "/",
      environment: {},
      stdin: null,
      stdout,
      stderr: stdout,
      status,
      ...given,
    });
    // A child does not keep the test process alive.
    const alive = setInterval(() => {}, 100);
    const exit = await child.exited;
    clearInterval(alive);
    for (const fd of [stdout, status]) closeSync(fd);
    const read = (name: string) => readFileSync(dir.file(name), "utf8");
    return { pid: child.pid, exit, output: read("out"), status: read("status") };
  };

  test.each([
    ["exit 0", { exitCode: 0, signal: null }],
    ["exit 7", { exitCode: 7, signal: null }],
    ["kill -TERM $$", { exitCode: null, signal: "SIGTERM" }],
    ["kill -KILL $$", { exitCode: null, signal: "SIGKILL" }],
  ])("reports how '%s' ended", async (script, exit) => {
    expect((await run(script)).exit).toMatchObject(exit);
  });

  test("passes the given environment and folder, and nothing else", async () => {
    process.env.NOT_INHERITED = "x";
    const { output } = await run('env | grep -v "^_=\\|^PWD=\\|^OLDPWD=\\|^SHLVL="; pwd', {
      environment: { ONLY: "this" },
      cwd: "/usr",
    });
    delete process.env.NOT_INHERITED;
    expect(output).toBe("ONLY=this\n/usr\n");
  });

  test("makes it the leader of a session and a process group", async () => {
    const { pid, output } = await run("cut -d' ' -f5,6 /proc/$$/stat");
    expect(output).toBe(`${pid} ${pid}\n`);
  });

  test("passes descriptor 3, and an empty stdin", async () => {
    const { output, status } = await run("echo noted >&3; cat; echo end");
    expect([output, status]).toEqual(["end\n", "noted\n"]);
  });

  test.each([
    ["/no/such/program", "/", "ENOENT"],
    ["/etc/passwd", "/", "EACCES"],
  ])("of %s in %s throws %s", (program, cwd, code) => {
    const options = { argv: [program], cwd, environment: {}, stdin: null, stdout: null, stderr: null, status: 2 };
    expect(() => runtime.spawn(options)).toThrow(expect.objectContaining({ code }));
  });
});

describe("typescript", () => {
  test.each([
    ["a text", { text: "console.log(process.argv.slice(2).join('|') satisfies string)" }],
    ["a file", { file: "program.ts" }],
  ])("runs %s with arguments", async (_, program) => {
    using dir = tempDir();
    writeFileSync(
      dir.file("program.ts"),
      "const args: string[] = process.argv.slice(2);\nconsole.log(args.join('|'));",
    );
    const given = "file" in program ? { file: dir.file(program.file) } : program;
    const { argv, environment } = runtime.typescript({ ...given, args: ["a b", "-x", "--help"] });
    using child = startChild(argv, { ...environment });
    expect(await child.text()).toBe("a b|-x|--help\n");
  });
});

describe("isOpenElsewhere", () => {
  test("is true if a child, or a child of it, has the file open", async () => {
    using dir = tempDir();
    const written = openSync(dir.file("out"), "a");
    const child = spawn("/bin/sh", ["-c", "sleep 0.2 & exit 0"], { stdio: ["ignore", written, "ignore"] });
    closeSync(written);
    await once(child, "exit");
    expect(whether(dir.file("out"))).toBe(true);
  });

  test("is false if only petit has it open; a process that opens it waits, and petit survives", async () => {
    using dir = tempDir();
    writeFileSync(dir.file("out"), "text");
    const fd = openSync(dir.file("out"), "r+");
    expect(runtime.isOpenElsewhere(fd)).toBe(false);
    using reader = startChild(["/bin/cat", dir.file("out")]);
    while (!waitsForLease(reader.pid)) await setImmediate();
    closeSync(fd);
    expect(await reader.text()).toBe("text");
  });

  test("is true if the system does not report it", () => {
    expect(runtime.isOpenElsewhere(-1)).toBe(true);
  });

  /** Returns the kernel function in which a process sleeps. */
  const waitsForLease = (pid: number): boolean => readFileSync(`/proc/${pid}/wchan`, "utf8").includes("lease");

  const whether = (path: string): boolean => {
    const fd = openSync(path, "r+");
    try {
      return runtime.isOpenElsewhere(fd);
    } finally {
      closeSync(fd);
    }
  };
});

describe("punchHole", () => {
  test("frees the disk space of a range, and keeps the rest", () => {
    using dir = tempDir();
    const bytes = Buffer.alloc(1_048_576, "x");
    writeFileSync(dir.file("holed"), bytes);
    const fd = openSync(dir.file("holed"), "r+");
    expect(runtime.punchHole(fd, 0, 524_288)).toBe(true);
    expect(runtime.punchHole(fd, 0, 0)).toBe(false);
    closeSync(fd);
    expect(runtime.punchHole(fd, 0, 1)).toBe(false);
    const after = readFileSync(dir.file("holed"));
    expect(after.length).toBe(bytes.length);
    expect(after.subarray(524_288)).toEqual(bytes.subarray(524_288));
    expect(after.subarray(0, 524_288).every((byte) => byte === 0)).toBe(true);
    expect(statSync(dir.file("holed")).blocks * 512).toBeLessThan(700_000);
  });
});

describe("serve", () => {
  const serve = (port = 0, answer: () => Response | Promise<Response> = () => new Response("hello")) =>
    runtime.serve({
      hostname: "127.0.0.1",
      port,
      maxBodyBytes: 1_000,
      maxConnections: 100,
      onClosed: () => {},
      fetch: answer,
    });

  test("answers on the port that it reports", async () => {
    const server = serve();
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe("hello");
    await server.stop(0);
    await expect(fetch(`http://127.0.0.1:${server.port}/`)).rejects.toThrow();
  });

  test("throws for a port that is taken", async () => {
    const server = serve();
    expect(() => serve(server.port)).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    await server.stop(0);
  });

  test("refuses a body that is too large", async () => {
    const server = serve();
    const { status } = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: "x".repeat(2_000) });
    expect(status).toBe(413);
    await server.stop(0);
  });

  test("stops although a connection stays open", async () => {
    const server = serve(
      0,
      () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("begun")) })),
    );
    const response = await fetch(`http://127.0.0.1:${server.port}/`);
    await server.stop(10);
    await expect(response.text()).rejects.toThrow();
  });
});

test.skipIf(process.platform !== "linux" || runtime.name !== "bun")(
  "unmapExecutable takes code and constants out of memory, and the code still runs",
  () => {
    const residentKib = (): number =>
      Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
    const sortAndParse = (): number => JSON.parse(JSON.stringify([3, 1, 2].sort()))[0];
    expect(sortAndParse()).toBe(1);
    const before = residentKib();
    runtime.unmapExecutable();
    expect(residentKib()).toBeLessThan(before - 4_096);
    expect(sortAndParse()).toBe(1);
  },
);
