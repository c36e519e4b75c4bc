import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

/** Writes text, waits for a file, then writes bytes that are not text, without a newline at the end. */
const JOBS = `id: gated
tasks:
  - id: first
    type: shell
    script: "echo early; echo before; until [ -e go ]; do sleep 0.05; done; printf 'after\\\\377\\\\000end'"
  - {id: second, type: shell, script: "echo last", depends_on: [first]}
---
id: bad
tasks:
  - {id: one, type: shell, script: "echo fine"}
  - {id: two, type: shell, script: "echo worse; exit 3", depends_on: [one]}
`;

const ENVIRONMENT = { PETIT_API_TOKEN: "a-token-for-tests" };

const started = (options: Parameters<typeof startPetit>[0] = {}): Promise<Petit> =>
  startPetit({ jobs: { "all.yaml": JOBS }, env: ENVIRONMENT, ...options });

/** Starts petit again with the same folder and address. */
const startedAgain = ({ dir, url }: Petit): Promise<Petit> =>
  started({ dir, args: ["--api-port", new URL(url).port, "--on-shutdown", "leave"] });

const ask = (running: Petit, ...args: readonly string[]) =>
  petit(args, { environment: { PETIT_URL: running.url, ...ENVIRONMENT } });

const triggered = async (running: Petit, job: string): Promise<string> =>
  (await ask(running, "trigger", job)).stdout.trim();

/** A running command and its output. */
const begin = (running: Petit, ...args: readonly string[]) => {
  const [program = "", ...before] = PETIT;
  const env = { ...cleanEnvironment(running.dir), PETIT_URL: running.url, ...ENVIRONMENT };
  const child = spawn(program, [...before, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let look = (): void => {};
  child.stdout.on("data", (data: Buffer) => {
    out.push(data);
    look();
  });
  child.stderr.on("data", (data: Buffer) => void err.push(data));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return {
    child,
    ended,
    stdout: () => Buffer.concat(out),
    stderr: () => Buffer.concat(err).toString(),
    /** Resolves when stdout contains the text. */
    until: (text: string) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (Buffer.concat(out).includes(text)) resolve();
        };
        look();
      }),
  };
};

describe("following a run across a crash and restart of petit", () => {
  test("shows the exact bytes without gaps or duplicates", async () => {
    await using running = await started();
    const run = await triggered(running, "gated");
    const bytes = begin(running, "logs", run, "-f");
    await bytes.until("before");
    const records = begin(running, "logs", run, "-f", "--json");
    const tail = begin(running, "logs", run, "first", "-f", "--tail", "1");
    const status = begin(running, "status", run, "--follow");
    const followers = [bytes, records, tail, status];
    await Promise.all(followers.map((each) => each.until("before")));
    await running.kill();
    await using _ = await startedAgain(running);
    writeFileSync(join(running.dir, "go"), "");
    expect(await Promise.all(followers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    expect(bytes.stdout().toString("hex")).toBe(bytesOf("early\nbefore\nafter", [255, 0], "endlast\n"));
    expect(seqsOf(records.stdout())).toEqual([1, 2, 3, 4]);
    expect(tail.stdout().toString("hex")).toBe(bytesOf("before\nafter", [255, 0], "end"));
    const named = ["first  │ early\nfirst  │ before\nfirst  │ after", [255, 0], "end\nsecond │ last\n"] as const;
    expect(status.stdout().toString("hex")).toBe(bytesOf(...named));
    for (const { stderr } of followers) expect(stderr()).toMatch(/does not answer; connecting again …\n.* is back\n/);
    expect(status.stderr()).toMatch(
      /✓ first completed in \S+\n✓ second completed in \S+\n✓ run \S+ completed in \S+\n$/,
    );
  }, 20_000);

  test("exits with 3 if petit is away for longer than --reconnect", async () => {
    await using running = await started();
    const run = await triggered(running, "gated");
    const following = begin(running, "logs", run, "-f", "--reconnect", "300ms");
    await following.until("before");
    await running.kill();
    expect(await following.ended).toBe(3);
    expect(following.stderr()).toMatch(
      /does not answer; connecting again …\npetit: no petit answers at \S+ \(PETIT_URL\);/,
    );
    await using again = await startedAgain(running);
    await ask(again, "cancel", run);
    await ask(again, "logs", run, "-f");
  }, 20_000);
});

const bytesOf = (...parts: readonly (string | readonly number[])[]): string =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part)))).toString(
    "hex",
  );

const seqsOf = (bytes: Buffer): readonly number[] =>
  bytes
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).seq);

describe("following a run", () => {
  test("stops on Ctrl-C, says that the run continues, and how to watch it again", async () => {
    await using running = await started();
    const following = begin(running, "trigger", "gated", "--follow");
    await following.until("before");
    following.child.kill("SIGINT");
    expect(await following.ended).toBe(1);
    expect(following.stderr()).toMatch(/run (\S+) continues\n {2}petit status \1 --follow .*\n {2}petit cancel \1 /);
    const runs = JSON.parse((await ask(running, "runs", "--json")).stdout);
    expect(runs).toMatchObject({ count: 1, runs: [{ status: "running" }] });
    writeFileSync(join(running.dir, "go"), "");
    expect((await ask(running, "status", "latest", "--follow")).status).toBe(0);
  }, 15_000);

  test("prefixes lines with task names, reports each end, and exits by the outcome", async () => {
    await using running = await started();
    const first = await ask(running, "trigger", "bad", "-f");
    expect({ status: first.status, stdout: first.stdout }).toEqual({ status: 1, stdout: "one │ fine\ntwo │ worse\n" });
    expect(first.stderr).toMatch(/^✓ one completed in \S+\n✗ two failed in \S+: exit code 3\n✗ run \S+ failed in /);
    const again = await ask(running, "retry", "bad", "--follow");
    expect({ status: again.status, stdout: again.stdout }).toEqual({ status: 1, stdout: "two │ worse\n" });
    expect(again.stderr).toMatch(
      /^run \S+ of bad\n✓ one completed: reused from an earlier run\n✗ two failed in \S+: exit code 3\n/,
    );
    const waited = await ask(running, "retry", "bad", "--wait", "--json");
    expect(waited.status).toBe(1);
    expect(JSON.parse(waited.stdout)).toMatchObject({
      status: "failed",
      tasks: [
        { task_id: "one", reused: true },
        { task_id: "two", exit_code: 3 },
      ],
    });
    expect((await ask(running, "status", "bad", "--follow")).status).toBe(1);
  }, 15_000);

  test("prefixes each line with its time with --timestamps", async () => {
    await using running = await started();
    const run = await triggered(running, "bad");
    const followed = await ask(running, "logs", run, "-f", "--timestamps");
    expect(followed.stdout).toMatch(/^\d{4}-\S+Z fine\n\d{4}-\S+Z worse\n$/);
    expect(await ask(running, "logs", run, "--timestamps")).toEqual(followed);
  }, 15_000);
});

describe("the argument RUN", () => {
  test("can be the start or end of an id, a job, or 'latest'", async () => {
    await using running = await started();
    const older = await triggered(running, "bad");
    const newer = await triggered(running, "bad");
    const idOf = async (text: string) => JSON.parse((await ask(running, "status", text, "--json")).stdout).id;
    expect(await idOf(older.slice(-6))).toBe(older);
    expect(await idOf(older.slice(-8, -2))).toBe(older);
    expect(await idOf(`…${older.slice(-12)}`)).toBe(older);
    expect(await idOf(older.slice(0, 30).toUpperCase())).toBe(older);
    expect(await idOf("bad")).toBe(newer);
    expect(await idOf("latest")).toBe(newer);
    const refused: readonly (readonly [string, string])[] = [
      [older.slice(0, 6), "is a part of the ids of 2 runs:\n"],
      ["gated", "job 'gated' has never run"],
      ["000000", "no run '000000'"],
      [older.slice(-3), "expected 4 or more characters from the beginning or end of an id"],
      ["baad", "no run 'baad'; did you mean 'bad'?"],
    ];
    for (const [text, message] of refused) {
      const { status, stdout, stderr } = await ask(running, "cancel", text);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(message);
    }
  }, 15_000);
});
