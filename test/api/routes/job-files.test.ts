import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ask, post } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const DAY_MS = 86_400_000;
const TASK = "tasks: [{id: only, type: command, command: 'true'}]\n";
const job = (id: string, more = ""): string => `id: ${id}\n${more}${TASK}`;

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

type Change = { readonly text: string; readonly base: string | null };

const save = (petit: Petit, path: string, change: Change) =>
  ask(petit, `/api/job-files/${path}`, { method: "PUT", body: JSON.stringify(change) });

const check = async (petit: Petit, path: string, { text, base }: Change) =>
  (await post(petit, "/api/job-files/check", { path, text, base })).body;

/** Writes a file behind petit's back, and returns its digest. */
const write = (petit: Petit, path: string, text: string): string => {
  mkdirSync(join(petit.jobsDir, path, ".."), { recursive: true });
  writeFileSync(join(petit.jobsDir, path), text);
  return digestOf(text);
};

const textOf = (petit: Petit, path: string): string => readFileSync(join(petit.jobsDir, path), "utf8");

describe("with --edit", () => {
  let petit: Petit;
  beforeAll(async () => {
    petit = await startPetit({
      jobs: {
        "a.yaml": job("a", 'schedule: "0 2 * * *"\nenvironment: {API_TOKEN: literal-secret}\n'),
        "sub/two.yml": `${job("b")}---\n${job("c")}`,
        "broken.yaml": "id: broken\n",
        "notes.txt": "no job file",
      },
      args: ["--edit", "--no-watch"],
    });
  });
  afterAll(() => petit[Symbol.asyncDispose]());

  test("the system says so", async () => {
    expect((await ask(petit, "/api/system")).body.editing).toBe(true);
  });

  test("the job files are listed with their jobs, digests and problems, and templates for new ones", async () => {
    const { body } = await ask(petit, "/api/job-files");
    expect(body.files).toEqual([
      { path: "a.yaml", jobs: ["a"], digest: digestOf(textOf(petit, "a.yaml")), problems: 0 },
      { path: "broken.yaml", jobs: [], digest: digestOf("id: broken\n"), problems: 1 },
      { path: "sub/two.yml", jobs: ["b", "c"], digest: digestOf(textOf(petit, "sub/two.yml")), problems: 0 },
    ]);
    expect(body.templates.length).toBeGreaterThanOrEqual(5);
  });

  test("a file is read as it is, with literal secrets, line ends and byte order mark", async () => {
    const text = `\ufeff${job("crlf")}`.replaceAll("\n", "\r\n");
    const digest = write(petit, "crlf.yaml", text);
    expect((await ask(petit, "/api/job-files/crlf.yaml")).body).toEqual({
      path: "crlf.yaml",
      text,
      digest,
      modified_at: expect.any(Number),
      by: null,
    });
    expect((await ask(petit, "/api/job-files/a.yaml")).body.text).toContain("literal-secret");
    expect((await ask(petit, "/api/job-files/sub%2Ftwo.yml")).body.path).toBe("sub/two.yml");
    rmSync(join(petit.jobsDir, "crlf.yaml"));
  });

  test.each(["missing.yaml", "%ff.yaml"])("GET '%s' is a 404", async (path) => {
    const { status, body } = await ask(petit, `/api/job-files/${path}`);
    expect([status, body.code]).toEqual([404, "NOT_FOUND"]);
  });

  test.each([
    ["notes.txt", "does not end in .yaml or .yml"],
    ["sub", "does not end in .yaml or .yml"],
    [".hidden.yaml", "begins with '.'"],
    ["..%2fa.yaml", "begins with '.'"],
    ["sub%2f..%2fa.yaml", "begins with '.'"],
    ["%2fetc%2fpasswd.yaml", "begins with '/'"],
    ["a.yaml%00", "contains a control character"],
    ["sub//two.yml", "contains an empty name"],
  ])("GET and PUT '%s' say what is wrong with the path", async (path, problem) => {
    const refusal = {
      status: 400,
      body: {
        error: expect.stringMatching(/^the path: '/),
        details: { reason: "invalid_value", in: "path", name: "path", problem: expect.stringContaining(problem) },
      },
    };
    expect(await ask(petit, `/api/job-files/${path}`)).toMatchObject(refusal);
    expect(await save(petit, path, { text: job("x"), base: null })).toMatchObject(refusal);
  });

  test("a text is checked with all other files, and nothing is written", async () => {
    const before = textOf(petit, "a.yaml");
    const base = digestOf(before);
    expect(await check(petit, "a.yaml", { text: `id: a\ndepends_on: [zzz]\n${TASK}`, base })).toEqual({
      problems: [
        {
          file: "a.yaml",
          line: 2,
          column: 14,
          path: "depends_on[0]",
          message: expect.stringContaining("there is no job 'zzz'"),
          severity: "error",
        },
        expect.objectContaining({ file: "broken.yaml", severity: "warning" }),
      ],
      is_new: false,
      unchanged: false,
      changed_meanwhile: false,
      diff: null,
      text_diff: expect.arrayContaining(["+depends_on: [zzz]"]),
    });
    expect(textOf(petit, "a.yaml")).toBe(before);
  });

  test("a check compares the jobs with those that run, field by field, with the next occurrences", async () => {
    const before = textOf(petit, "a.yaml");
    const text = before.replace("0 2 * * *", "0 3 * * *").replace("literal-secret", "other-secret");
    const { diff, unchanged, problems } = await check(petit, "a.yaml", { text, base: digestOf(before) });
    expect(unchanged).toBe(false);
    expect(problems).toMatchObject([{ severity: "warning" }]);
    expect(diff).toMatchObject({
      added: [],
      removed: [],
      changed: [
        {
          id: "a",
          file: "a.yaml",
          changes: [
            { path: "environment.API_TOKEN", kind: "changed" },
            { path: "schedule.cron", kind: "changed", before: "0 2 * * *", after: "0 3 * * *" },
          ],
        },
      ],
    });
    const { before: old, after } = diff.changed[0].next;
    // Between two and three o'clock the new times begin a day earlier.
    expect(after.map((at: number, index: number) => (at - old[index] + DAY_MS) % DAY_MS)).toEqual(
      Array(5).fill(3_600_000),
    );
    // Comparisons hide secrets, as everywhere.
    expect(JSON.stringify(diff)).not.toMatch(/\w-secret/);
  });

  test("a check finds the jobs that a text adds and removes", async () => {
    const text = `${job("b")}---\n${job("d", 'schedule: "@hourly"\n')}`;
    const { diff } = await check(petit, "sub/two.yml", { text, base: null });
    expect(diff.added).toMatchObject([{ id: "d", next: Array(5).fill(expect.any(Number)) }]);
    expect(diff.removed).toMatchObject([{ id: "c" }]);
    expect(diff.changed).toEqual([]);
  });

  test("a check says that a file is new, unchanged, or another than that of the base", async () => {
    const text = textOf(petit, "a.yaml");
    const facts = async (path: string, change: Change) => {
      const { is_new, unchanged, changed_meanwhile } = await check(petit, path, change);
      return { is_new, unchanged, changed_meanwhile };
    };
    expect(await facts("a.yaml", { text, base: digestOf(text) })).toEqual({
      is_new: false,
      unchanged: true,
      changed_meanwhile: false,
    });
    expect(await facts("a.yaml", { text, base: null })).toMatchObject({ is_new: false, changed_meanwhile: true });
    expect(await facts("new.yaml", { text: job("new"), base: null })).toEqual({
      is_new: true,
      unchanged: false,
      changed_meanwhile: false,
    });
    expect(await facts("gone.yaml", { text: job("new"), base: digestOf("") })).toMatchObject({
      is_new: true,
      changed_meanwhile: true,
    });
  });

  test("a saved file is in use when the answer comes, and its version names the person", async () => {
    const first = job("life", "timeout: 5m\n");
    const made = await save(petit, "life.yaml", { text: first, base: null });
    expect(made).toMatchObject({ status: 200, body: { path: "life.yaml", digest: digestOf(first) } });
    expect((await ask(petit, "/api/jobs/life")).body.timeout_ms).toBe(300_000);
    const second = job("life", "timeout: 6m\n");
    expect(await save(petit, "life.yaml", { text: second, base: digestOf(first) })).toMatchObject({ status: 200 });
    expect(textOf(petit, "life.yaml")).toBe(second);
    expect((await ask(petit, "/api/jobs/life")).body.timeout_ms).toBe(360_000);
    const { versions } = (await ask(petit, "/api/jobs/life/versions")).body;
    expect(versions.map(({ uses }: { uses: unknown[] }) => uses)).toMatchObject([
      [{ cause: "edit", by: "127.0.0.1", file: "life.yaml", until: null }],
      [{ cause: "edit", by: "127.0.0.1", file: "life.yaml" }],
    ]);
    expect(readdirSync(petit.jobsDir).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("another file that has changed is not taken for an edit", async () => {
    write(petit, "other.yaml", job("other"));
    await save(petit, "mine.yaml", { text: job("mine"), base: null });
    const uses = async (id: string) => (await ask(petit, `/api/jobs/${id}/versions`)).body.versions[0].uses;
    expect(await uses("mine")).toMatchObject([{ cause: "edit" }]);
    expect(await uses("other")).toMatchObject([{ cause: "api", by: null }]);
  });

  test("a check also says what a save brings into use from other files, each with its file", async () => {
    await using own = await startPetit({
      jobs: {
        "a.yaml": job("a"),
        "b.yaml": job("b", 'schedule: "0 2 * * *"\n'),
        "c.yaml": job("c"),
        "e.yaml": job("e"),
        "f.yaml": job("f"),
      },
      args: ["--edit", "--no-watch"],
    });
    write(own, "b.yaml", job("b", 'schedule: "0 3 * * *"\n'));
    rmSync(join(own.jobsDir, "c.yaml"));
    write(own, "d.yaml", job("d"));
    write(own, "e.yaml", "id: e\n");
    write(own, "f.yaml", `# Only a comment\n${job("f")}`);
    const base = digestOf(job("a"));
    const text = job("a", "timeout: 1m\n");
    const { diff, problems } = await check(own, "a.yaml", { text, base });
    expect(problems).toMatchObject([{ file: "e.yaml", severity: "warning" }]);
    expect(diff).toMatchObject({
      added: [{ id: "d", file: "d.yaml" }],
      removed: [{ id: "c", file: "c.yaml" }],
      changed: [
        { id: "a", file: "a.yaml" },
        { id: "b", file: "b.yaml", changes: [{ path: "schedule.cron", before: "0 2 * * *", after: "0 3 * * *" }] },
      ],
    });
    expect(await save(own, "a.yaml", { text, base })).toMatchObject({ status: 200 });
    // The save did exactly that.
    const { body } = await ask(own, "/api/jobs");
    expect(body.jobs.map(({ id }: { id: string }) => id).sort()).toEqual(["a", "b", "d", "e", "f"]);
    const after = await check(own, "a.yaml", { text, base: digestOf(text) });
    expect(after.diff).toMatchObject({ added: [], removed: [], changed: [] });
  });

  test("line ends and byte order mark are saved as sent", async () => {
    const text = `\ufeff${job("marked")}# ü 🎉`.replaceAll("\n", "\r\n");
    expect(await save(petit, "marked.yaml", { text, base: null })).toMatchObject({ status: 200 });
    expect(readFileSync(join(petit.jobsDir, "marked.yaml"))).toEqual(Buffer.from(text));
  });

  test("the second of two people is told that the file has changed, and who changed it", async () => {
    const base = write(petit, "shared.yaml", job("shared"));
    const first = job("shared", "timeout: 1m\n");
    expect(await save(petit, "shared.yaml", { text: first, base })).toMatchObject({ status: 200 });
    const modified = Math.floor(statSync(join(petit.jobsDir, "shared.yaml")).mtimeMs);
    expect(await save(petit, "shared.yaml", { text: job("shared", "timeout: 2m\n"), base })).toMatchObject({
      status: 409,
      body: {
        code: "CONFLICT",
        error: `'shared.yaml' was changed at ${new Date(modified).toISOString()} by 127.0.0.1; nothing was saved`,
        details: {
          reason: "file_changed",
          path: "shared.yaml",
          base,
          digest: digestOf(first),
          modified_at: modified,
          by: "127.0.0.1",
        },
      },
    });
    expect(textOf(petit, "shared.yaml")).toBe(first);
  });

  test("a new file never replaces one, and one that is gone is not made anew", async () => {
    expect(await save(petit, "a.yaml", { text: job("x"), base: null })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining("there is a file 'a.yaml' already"), details: { reason: "file_changed" } },
    });
    expect(await save(petit, "gone.yaml", { text: job("x"), base: digestOf("x") })).toMatchObject({
      status: 409,
      body: { details: { reason: "file_changed", digest: null, modified_at: null, by: null } },
    });
    expect(existsSync(join(petit.jobsDir, "gone.yaml"))).toBe(false);
  });

  test("20 people save the same file: one wins, the others are told", async () => {
    const base = write(petit, "race.yaml", job("race"));
    const texts = Array.from({ length: 20 }, (_, index) => job("race", `timeout: ${index + 1}m\n`));
    const answers = await Promise.all(texts.map((text) => save(petit, "race.yaml", { text, base })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(textOf(petit, "race.yaml")).toBe(texts[winner] ?? "");
  });

  test("20 people make the same file: one wins, the others are told", async () => {
    const texts = Array.from({ length: 20 }, (_, index) => job(`made_${index}`));
    const answers = await Promise.all(texts.map((text) => save(petit, "made.yaml", { text, base: null })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)]);
    const winner = answers.findIndex(({ status }) => status === 200);
    expect(textOf(petit, "made.yaml")).toBe(texts[winner] ?? "");
  });

  test.each([
    ["is no YAML", "id: [\n", { line: 2 }],
    ["lacks a field", "id: bad\n", { path: "tasks" }],
    ["is empty", "", { message: "the file is empty; expected a job" }],
    ["repeats the id of another file", job("a"), { path: "id" }],
    ["contains a NUL character", `${job("nul")}\0`, { message: "contains a NUL character; expected text" }],
    ["is larger than 1 MiB", `${job("large")}#${"x".repeat(2 ** 20)}`, { line: 1 }],
  ])("a text that %s is not saved", async (_, text, problem) => {
    const answer = await save(petit, "bad.yaml", { text, base: null });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        code: "INVALID_REQUEST",
        details: { reason: "job_file_problems", path: "bad.yaml", problems: [{ file: "bad.yaml", ...problem }] },
      },
    });
    expect(answer.body.error).toStartWith("'bad.yaml' was not saved, because it would be wrong: bad.yaml:");
    expect(existsSync(join(petit.jobsDir, "bad.yaml"))).toBe(false);
  });

  test("a text that causes a problem in another file is not saved, but those that were there are no hindrance", async () => {
    const base = write(petit, "up.yaml", job("up"));
    write(petit, "down.yaml", job("down", "depends_on: [up]\n"));
    const renamed = await save(petit, "up.yaml", { text: job("renamed"), base });
    expect(renamed).toMatchObject({
      status: 400,
      body: { details: { reason: "job_file_problems", problems: [{ file: "down.yaml", path: "depends_on[0]" }] } },
    });
    expect(textOf(petit, "up.yaml")).toBe(job("up"));
    expect(await save(petit, "up.yaml", { text: job("up", "timeout: 1m\n"), base })).toMatchObject({ status: 200 });
  });

  test("a text whose id another file repeats is not saved: it would not be used", async () => {
    const base = write(petit, "first.yaml", job("first"));
    write(petit, "second.yaml", job("first"));
    const change = { text: job("first", "timeout: 1m\n"), base };
    expect((await check(petit, "first.yaml", change)).problems[0]).toMatchObject({
      file: "second.yaml",
      severity: "error",
    });
    expect(await save(petit, "first.yaml", change)).toMatchObject({ status: 400 });
    // The other one can be mended, wherever the problem is reported.
    expect(await save(petit, "second.yaml", { text: job("second"), base })).toMatchObject({ status: 200 });
  });

  test.each([
    ["", "contains an empty name"],
    ["new", "does not end in .yaml or .yml"],
    ["new.YAML", "does not end in .yaml or .yml"],
    ["new.test.yaml", "is the name of a test file"],
    ["sub/.yaml", "begins with '.'"],
    [".new.yaml", "begins with '.'"],
    ["../new.yaml", "begins with '.'"],
    ["sub/../new.yaml", "begins with '.'"],
    ["/tmp/new.yaml", "begins with '/'"],
    ["sub//new.yaml", "contains an empty name"],
    ["new\n.yaml", "contains a control character"],
    ["new\0.yaml", "contains a control character"],
    ["new\ud800.yaml", "is not UTF-8"],
    [`${"n".repeat(300)}.yaml`, "is too long"],
  ])("'%s' is no path of a job file", async (path, problem) => {
    const answer = await post(petit, "/api/job-files/check", { path, text: job("x"), base: null });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        details: { reason: "invalid_value", in: "body", name: "path", problem: expect.stringContaining(problem) },
      },
    });
    const name = path.isWellFormed() ? encodeURIComponent(path) : "%ff.yaml";
    // Without a name, the path is that of the list.
    expect([400, 404, 405]).toContain((await save(petit, name, { text: job("x"), base: null })).status);
  });

  test("a file in a folder that is not there is a 404 that says so", async () => {
    expect(await save(petit, "nowhere/new.yaml", { text: job("x"), base: null })).toMatchObject({
      status: 404,
      body: { error: "there is no folder 'nowhere' in JOBS_DIR; create it first" },
    });
  });

  test("links are neither read nor written, whether they lead to a file or to a folder", async () => {
    using outside = tempOutside(petit);
    symlinkSync(join(outside.path, "real.yaml"), join(petit.jobsDir, "link.yaml"));
    symlinkSync(outside.path, join(petit.jobsDir, "linked"));
    const { digest } = (await ask(petit, "/api/job-files")).body.files.find(
      (file: { path: string }) => file.path === "link.yaml",
    );
    for (const path of ["link.yaml", "linked/real.yaml", "linked/new.yaml"]) {
      const refusal = { status: 409, body: { details: { reason: "file_is_link", path: path.split("/")[0] } } };
      expect(await ask(petit, `/api/job-files/${path}`)).toMatchObject(refusal);
      expect(await save(petit, path, { text: job("linked"), base: digest })).toMatchObject(refusal);
    }
    expect(readFileSync(join(outside.path, "real.yaml"), "utf8")).toBe(job("outside"));
    expect(readdirSync(outside.path)).toEqual(["real.yaml"]);
    rmSync(join(petit.jobsDir, "link.yaml"));
    rmSync(join(petit.jobsDir, "linked"));
  });

  test("what is no regular file is neither read nor replaced, and every answer says so", async () => {
    mkdirSync(join(petit.jobsDir, "folder.yaml"));
    execFileSync("mkfifo", [join(petit.jobsDir, "pipe.yaml")]);
    for (const path of ["folder.yaml", "pipe.yaml"]) {
      const refusal = { status: 409, body: { error: `'${path}' is no regular file, so petit does not edit it` } };
      expect(await ask(petit, `/api/job-files/${path}`)).toMatchObject(refusal);
      for (const base of [null, digestOf("x")]) {
        const change = { text: job("irregular"), base };
        expect(await post(petit, "/api/job-files/check", { path, ...change })).toMatchObject(refusal);
        expect(await save(petit, path, change)).toMatchObject(refusal);
      }
    }
    expect(await save(petit, "folder.yaml/in.yaml", { text: job("in"), base: null })).toMatchObject({ status: 200 });
    rmSync(join(petit.jobsDir, "folder.yaml"), { recursive: true });
    rmSync(join(petit.jobsDir, "pipe.yaml"));
  });

  test.each(["", "ABC", digestOf("x").toUpperCase()])(
    "a base of '%s' is refused with the form of one",
    async (base) => {
      const problem = `'${base}' is not 64 lower-case hexadecimal digits or null`;
      expect(await save(petit, "a.yaml", { text: job("a"), base })).toMatchObject({
        status: 400,
        body: { error: `body 'base': ${problem}`, details: { in: "body", name: "base", problem } },
      });
    },
  );

  test("the mode of a file stays", async () => {
    const base = write(petit, "mode.yaml", job("mode"));
    chmodSync(join(petit.jobsDir, "mode.yaml"), 0o640);
    expect(await save(petit, "mode.yaml", { text: job("mode", "timeout: 1m\n"), base })).toMatchObject({ status: 200 });
    expect(statSync(join(petit.jobsDir, "mode.yaml")).mode & 0o7777).toBe(0o640);
  });

  test("a text of nearly 1 MiB is saved, however JSON writes it", async () => {
    const text = `${job("long")}${`# ${'"\\'.repeat(500)}\n`.repeat(1_000)}`;
    expect(JSON.stringify(text).length).toBeGreaterThan(2 ** 20);
    expect(await save(petit, "long.yaml", { text, base: null })).toMatchObject({ status: 200 });
  });

  test.each([
    ["no base", { text: "x" }],
    ["a base that is no digest", { text: "x", base: "abc" }],
    ["a text that is a number", { text: 5, base: null }],
    ["an unknown field", { text: "x", base: null, force: true }],
    ["half a surrogate pair", { text: `${job("half")}# \ud800`, base: null }],
  ])("a request with %s is refused", async (_, body) => {
    const answer = await ask(petit, "/api/job-files/new.yaml", { method: "PUT", body: JSON.stringify(body) });
    expect(answer).toMatchObject({ status: 400, body: { details: { reason: "invalid_value", in: "body" } } });
  });

  test("a page of another site can't save", async () => {
    const answer = await ask(petit, "/api/job-files/csrf.yaml", {
      method: "PUT",
      headers: { origin: "https://evil.example", "content-type": "text/plain" },
      body: JSON.stringify({ text: job("csrf"), base: null }),
    });
    expect([answer.status, answer.body.code]).toEqual([403, "FORBIDDEN"]);
    expect(existsSync(join(petit.jobsDir, "csrf.yaml"))).toBe(false);
  });
});

const tempOutside = (petit: Petit): { readonly path: string } & Disposable => {
  const path = join(petit.dir, "outside");
  mkdirSync(path);
  writeFileSync(join(path, "real.yaml"), job("outside"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
};

test("without --edit every one of these routes refuses, and says how to switch it on", async () => {
  await using petit = await startPetit({ jobs: { "a.yaml": job("a") } });
  expect((await ask(petit, "/api/system")).body.editing).toBe(false);
  const change = { text: job("b"), base: null };
  for (const answer of [
    await ask(petit, "/api/job-files"),
    await ask(petit, "/api/job-files/a.yaml"),
    await post(petit, "/api/job-files/check", { path: "a.yaml", ...change }),
    await save(petit, "b.yaml", change),
  ])
    expect(answer).toMatchObject({
      status: 409,
      body: {
        error: "job files can't be edited here; start petit with --edit to allow it",
        code: "CONFLICT",
        details: { reason: "editing_off" },
      },
    });
  expect(readdirSync(petit.jobsDir)).toEqual(["a.yaml"]);
});

test("a body of more than 1 MiB is taken only where job files can be edited", async () => {
  await using petit = await startPetit();
  const answer = await save(petit, "a.yaml", { text: "x".repeat(1_100_000), base: null });
  expect([answer.status, answer.body.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
});

test("a token is needed where petit needs one, and names the person", async () => {
  await using petit = await startPetit({ jobs: {}, args: ["--edit"], env: { PETIT_API_TOKEN: "x".repeat(40) } });
  const body = JSON.stringify({ text: job("a"), base: null });
  expect((await ask(petit, "/api/job-files/a.yaml", { method: "PUT", body })).status).toBe(401);
  expect(existsSync(join(petit.jobsDir, "a.yaml"))).toBe(false);
});
