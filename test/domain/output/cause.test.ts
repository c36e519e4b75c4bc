import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CauseFinder, type OutputLine } from "../../../src/domain/output/cause.ts";
import { normalise, segmentsOf } from "../../../src/domain/output/plain-line.ts";
import { measureCpu } from "../../support/cpu-time.ts";

/** Lines of the output that people see without a cause: the last ones of stderr, or of stdout if stderr is empty. */
const TAIL = 8;
/** At least nine of ten logs are right. */
const MAX_MISSES = 6;
const NOTHING_KNOWN = { known: new Set<string>() };

type Log = {
  readonly name: string;
  readonly lines: readonly OutputLine[];
  /** Position of the line at which a person would point. Null if no line explains the failure. */
  readonly marked: number | null;
  /** The lines that the last successful run printed too, normalised. */
  readonly known: ReadonlySet<string>;
};

/** Returns the cause among some lines. */
const findCause = (lines: readonly OutputLine[], { known }: Pick<Log, "known">) => {
  const finder = new CauseFinder(known);
  for (const line of lines) finder.add(line);
  return finder.cause;
};

const LOGS = join(import.meta.dirname, "../../fixtures/logs");

/**
 * Reads a log. Each line begins with its stream, 1 or 2, and a mark: `>` for the line that explains the failure, `=` for
 * a line that the last successful run printed too, otherwise a space. `␛` is an escape character and `␍` a carriage return.
 */
const readLog = (name: string): Log => {
  const rows = readFileSync(join(LOGS, name), "utf8").trimEnd().split("\n");
  const lines = rows.map((row, index) => ({
    seq: index + 1,
    stream: row.startsWith("1") ? ("stdout" as const) : ("stderr" as const),
    text: row.slice(2).replaceAll("␛", "\u001b").replaceAll("␍", "\r"),
  }));
  const marked = rows.findIndex((row) => row[1] === ">");
  const known = lines.filter((_, index) => rows[index]?.[1] === "=").map(({ text }) => normalise(text));
  return { name, lines, marked: marked === -1 ? null : marked + 1, known: new Set(known) };
};

const logs = readdirSync(LOGS).sort().map(readLog);

const lineAt = (lines: readonly OutputLine[], seq: number | null | undefined): string =>
  lines.find((line) => line.seq === seq)?.text.slice(0, 120) ?? "no line";

const missesOf = (find: (log: Log) => number | undefined): readonly string[] =>
  logs.flatMap((log) => {
    const found = find(log) ?? null;
    if (found === log.marked) return [];
    return [`${log.name}\n  expected: ${lineAt(log.lines, log.marked)}\n  found:    ${lineAt(log.lines, found)}`];
  });

/** A failing test lists the misses. */
const expectFew = (misses: readonly string[]): void => {
  if (misses.length > MAX_MISSES) expect(misses).toEqual([]);
};

/** Returns how many lines the marked line is away from the lines that are shown. */
const distance = (shown: readonly Pick<OutputLine, "seq">[], marked: number): number =>
  Math.min(...shown.map(({ seq }) => Math.abs(seq - marked)));

const tailOf = (lines: readonly OutputLine[]): readonly OutputLine[] => {
  const written = lines.filter(({ text }) => text.trim() !== "");
  const errors = written.filter(({ stream }) => stream === "stderr");
  return (errors.length > 0 ? errors : written).slice(-TAIL);
};

const stderr = (...texts: readonly string[]): readonly OutputLine[] =>
  texts.map((text, index) => ({ seq: index + 1, stream: "stderr", text }));

const headlineOf = (lines: readonly OutputLine[], known: readonly string[] = []): string | undefined =>
  findCause(lines, { known: new Set(known.map(normalise)) })?.text;

describe("the cause line", () => {
  test("is the line at which a person would point, in most logs of real tools", () => {
    expect(logs.length).toBeGreaterThanOrEqual(82);
    const misses = missesOf(({ lines, known }) => findCause(lines, { known })?.seq);
    expectFew(misses);
  });

  test("is as good for a task that never succeeded", () => {
    const misses = missesOf(({ lines }) => findCause(lines, NOTHING_KNOWN)?.seq);
    expectFew(misses);
  });

  test("is never farther from the explanation than the last lines are", () => {
    const worse = logs.flatMap(({ name, lines, marked, known }) => {
      if (marked === null) return [];
      const cause = findCause(lines, { known });
      const shown = cause === null ? tailOf(lines) : [cause];
      return distance(shown, marked) > distance(tailOf(lines), marked) ? [name] : [];
    });
    expect(worse).toEqual([]);
  });

  test("survives noise that scripts print at their end", () => {
    const noise = [
      "[cleanup] stopping containers",
      "rm: cannot remove '/tmp/x.lock': No such file or directory",
      "umount: /mnt/snapshot: not mounted.",
      "Error response from daemon: No such container: job-tmp",
      "ERROR: /srv/job.sh: line 88: command failed with exit code 1",
      "[ERROR] nightly job failed",
      "cleanup finished",
      "exit status 1",
    ];
    const misses = missesOf(({ lines, known, marked }) => {
      if (marked === null) return undefined;
      const last = lines.length;
      const after = noise.map((text, index) => ({ seq: last + index + 1, stream: "stderr" as const, text }));
      return findCause([...lines, ...after], { known })?.seq;
    });
    expectFew(misses);
  });

  test("is null without output, and where nothing went wrong", () => {
    expect(findCause([], NOTHING_KNOWN)).toBeNull();
    expect(findCause(stderr("", "  ", "\u001b[0m", "\r"), NOTHING_KNOWN)).toBeNull();
    const harmless = ["12 files, 0 errors", "no errors found", "errors: 0, failed=0", "wrote /var/log/error.log"];
    expect(harmless.filter((text) => headlineOf(stderr(text)) !== undefined)).toEqual([]);
  });

  test("is no line that the last successful run printed too", () => {
    const lines = stderr("error: cache 17 is old", "loading", "cp: cannot stat 'a': No such file or directory");
    expect(headlineOf(lines)).toBe("cp: cannot stat 'a': No such file or directory");
    expect(headlineOf(lines, ["cp: cannot stat 'a': No such file or directory"])).toBe("error: cache 17 is old");
    expect(
      headlineOf(lines, ["cp: cannot stat 'a': No such file or directory", "error: cache 9 is old", "loading"]),
    ).toBeUndefined();
  });

  test("is what the last successful run did not print if no line reports an error", () => {
    const lines: readonly OutputLine[] = [
      { seq: 1, stream: "stdout", text: "reading partitions" },
      { seq: 2, stream: "stdout", text: "newest is from Monday" },
      { seq: 3, stream: "stdout", text: "only 3 of 40 partitions arrived" },
      { seq: 4, stream: "stdout", text: "cleanup: removing /tmp/x" },
      { seq: 5, stream: "stdout", text: "removing what was never there before" },
      { seq: 6, stream: "stderr", text: "+ exit 1" },
      { seq: 7, stream: "stderr", text: "ERROR: legacy noise" },
    ];
    const known = ["reading partitions", "cleanup: removing /tmp/x", "ERROR: legacy noise"];
    expect(findCause(lines, { known: new Set(known.map(normalise)) })).toMatchObject({
      seq: 3,
      text: "only 3 of 40 partitions arrived",
      context: ["newest is from Monday"],
    });
    // Nothing is new without a successful run, or after one that printed nothing.
    expect(findCause(lines.slice(0, 3), NOTHING_KNOWN)).toBeNull();
    const onStderr: OutputLine = { seq: 4, stream: "stderr", text: "waiting for the other 37" };
    expect(headlineOf([onStderr, ...lines], known)).toBe("waiting for the other 37");
    expect(headlineOf(lines.slice(5), known)).toBe("+ exit 1");
  });

  test("is no line below a traceback that the last successful run printed too", () => {
    const traceback = ["Traceback (most recent call last):", '  File "a.py", line 1, in <module>', "KeyError: 'a'"];
    expect(headlineOf(stderr(...traceback, "went on", "only 3 of 40 arrived"), [...traceback, "went on"])).toBe(
      "only 3 of 40 arrived",
    );
    expect(headlineOf(stderr(...traceback, "fatal: no disk", "went on"), [...traceback, "went on"])).toBe(
      "fatal: no disk",
    );
  });

  test("is the first of several errors of a compiler, and the last of several tracebacks", () => {
    expect(headlineOf(stderr("a.c:3:1: error: expected ';'", "a.c:9:1: error: unknown type name 'x'"))).toContain(
      "a.c:3:1",
    );
    const traceback = (message: string): readonly string[] => [
      "Traceback (most recent call last):",
      '  File "a.py", line 1, in <module>',
      message,
    ];
    const chain = "During handling of the above exception, another exception occurred:";
    expect(headlineOf(stderr(...traceback("KeyError: 'a'"), "", chain, "", ...traceback("ValueError: b")))).toBe(
      "ValueError: b",
    );
  });

  test("is the last attempt of a program that tries again", () => {
    const lines = stderr("curl: (7) Failed to connect to a", "retrying in 5 s", "curl: (22) error: 403", "giving up");
    expect(headlineOf(lines)).toBe("curl: (22) error: 403");
  });

  test("has no escape sequences, and only what a progress bar left", () => {
    expect(headlineOf(stderr("10 %\r20 %\r\u001b[31merror: disk full\u001b[0m\r"))).toBe("error: disk full");
  });

  test("is found before a carriage return, and none of what a progress bar showed belongs to it", () => {
    const cause = findCause(stderr("10%\r20%\rerror: disk full\r30%\r", "Aborting.", "1 of 2\r2 of 2"), NOTHING_KNOWN);
    expect(cause).toMatchObject({ seq: 1, text: "error: disk full", context: ["Aborting.", "2 of 2"] });
  });

  test("has spaces for control characters, so that nothing that they divide is joined", () => {
    const cause = findCause(
      stderr("error: to\u0000ken\u0085a\u202eb\u2066c\u200fd\te\u001b f", "\tat\u0007 b"),
      NOTHING_KNOWN,
    );
    expect(cause).toMatchObject({ text: "error: to ken a b c d e  f", context: [" at  b"] });
  });

  test("is the first of many errors that differ in a number only", () => {
    const lines = Array.from({ length: 3_000 }, (_, item) => `error: item ${item} failed`);
    expect(headlineOf(stderr(...lines))).toBe("error: item 0 failed");
  });

  test("comes with the lines before it if it only says that something failed", () => {
    const lines = stderr(
      "one",
      "two",
      "",
      "connecting",
      "db says go away",
      "make: *** [deploy] Error 2",
      "cleanup finished",
    );
    expect(findCause(lines, NOTHING_KNOWN)).toMatchObject({
      text: "make: *** [deploy] Error 2",
      context: ["one", "two", "connecting", "db says go away"],
    });
    expect(findCause(stderr("make: *** [all] Error 1"), NOTHING_KNOWN)).toMatchObject({ context: [] });
  });

  test("is with its context never worse than the last line", () => {
    const worse = logs.flatMap(({ name, lines, marked, known }) => {
      const last = tailOf(lines).at(-1)?.text.trim() ?? "";
      const cause = findCause(lines, { known });
      return marked !== null && cause?.seq !== marked && lineAt(lines, marked).trim() === last ? [name] : [];
    });
    expect(worse).toEqual([]);
  });

  test("comes with up to four lines below it, without those of a cleanup", () => {
    const cause = findCause(stderr("error: no space left", "", "a", "b", "c", "d", "e"), NOTHING_KNOWN);
    expect(cause?.context).toEqual(["a", "b", "c", "d"]);
    const short = findCause(stderr("error: no space left", "a", "cleaning up", "b"), NOTHING_KNOWN);
    expect(short?.context).toEqual(["a"]);
  });
});

describe("the context of the cause line", () => {
  test("has no frames, lesser log messages and rows of dashes", () => {
    const cause = findCause(
      stderr(
        "java.io.IOException: disk is full",
        "\tat com.example.A.b(A.java:3)",
        "--------",
        "2026-03-02 04:00:05 INFO Shutdown completed",
        "Caused by: quota of volume data",
      ),
      NOTHING_KNOWN,
    );
    expect(cause?.context).toEqual(["Caused by: quota of volume data"]);
  });

  test.each([
    "... 15 common frames omitted",
    "... 3 more",
    "... 2 frames omitted",
    "... 7 lines matching cause stack trace ...",
  ])("leaves out what stands for frames: %s", (omitted) => {
    const cause = findCause(
      stderr(
        "Caused by: java.net.ConnectException: Connection refused",
        "\tat a.B.c(B.java:3)",
        `\t${omitted}`,
        "see the log of db",
      ),
      NOTHING_KNOWN,
    );
    expect(cause?.context).toEqual(["see the log of db"]);
  });

  test("of a very long line is what is around the error", () => {
    const long = `{"pages":["${"x".repeat(20_000)}"],"error":{"code":"QuotaExceeded","message":"used up"}}`;
    expect(headlineOf(stderr(long))).toContain('"error":{"code":"QuotaExceeded"');
    expect(headlineOf(stderr(long), [long])).toBeUndefined();
  });
});

describe("a very long line", () => {
  const y = "y".repeat(200_000);

  test.each([
    ["error: disk full", `${y} error: disk full`],
    ["Permission denied", `${y} Permission denied`],
    ["fatal: could not write", `10 errors so far ${y} fatal: could not write`],
    ["mount: no such device", `${"a.b ".repeat(5_000)}${y} mount: no such device`],
  ])("is judged by its end too, and shown from there on: %s", (end, line) => {
    expect(headlineOf(stderr(line, "cleanup finished"))).toBe(`… ${end}`);
  });

  test("is no cause if the last successful run printed it too, or if it reports no error", () => {
    const line = `10 errors so far ${y} fatal: could not write`;
    const known = segmentsOf(line);
    expect(headlineOf(stderr(line, "error: away"), known)).toBe("error: away");
    expect(headlineOf(stderr(y, `${y} done`))).toBeUndefined();
  });
});

describe("finding the cause line", () => {
  const cpuMsOf = (lines: readonly OutputLine[]): number => {
    const cpuMs = measureCpu();
    findCause(lines, NOTHING_KNOWN);
    return cpuMs();
  };

  test("takes CPU time in proportion to the number of lines", () => {
    const texts = logs.flatMap(({ lines }) => lines.map(({ text }) => text));
    const linesOf = (count: number): readonly OutputLine[] =>
      stderr(...Array.from({ length: count }, (_, index) => texts[index % texts.length] ?? ""));
    // The first call compiles the patterns.
    cpuMsOf(linesOf(4_000));
    expect(cpuMsOf(linesOf(100_000))).toBeLessThan(3 * 25 * cpuMsOf(linesOf(4_000)) + 100);
  });

  test("looks at the start of very long lines only", () => {
    const units = ["x", "error ", "a/", "(", ": ", "\r", "\u001b[1m", "failed: ", "0 ", "Aa.", "é"];
    for (const unit of units) {
      const lines = stderr(unit.repeat(1_000_000 / unit.length));
      expect(cpuMsOf(lines)).toBeLessThan(200);
      expect(findCause(lines, NOTHING_KNOWN)?.text.length ?? 0).toBeLessThanOrEqual(500);
    }
  });

  test("takes bounded CPU time for lines that make patterns search long", () => {
    const units = [
      "a",
      "(",
      "x(",
      "/a",
      "-a",
      "A.",
      "a: ",
      "no ",
      "exit ",
      "exit code ",
      "failed ",
      "Error:",
      "[",
      " |",
      "1 ",
    ];
    const slow = units.filter((unit) => {
      const line = unit.repeat(Math.floor(2_000 / unit.length));
      return cpuMsOf(stderr(...Array.from({ length: 500 }, () => line))) > 3_000;
    });
    expect(slow).toEqual([]);
  });
});
