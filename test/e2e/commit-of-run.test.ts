import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cleanEnvironment, PETIT, petit as runPetit } from "../support/cli.ts";
import { type PetitOfRepository, startWithRepository } from "../support/git/petit.ts";
import { ask, post, runToEnd } from "../support/petit/api.ts";

const JOB = `id: hello\ntasks: [{id: only, type: command, command: "false"}]\n`;

/** Runs `petit ARGS…` in a terminal that is wide enough, and returns what it shows. */
const inTerminal = (args: readonly string[]): string =>
  spawnSync("script", ["-qec", `stty cols 200 rows 50; ${[...PETIT, ...args].join(" ")}`, "/dev/null"], {
    encoding: "utf8",
    env: { ...cleanEnvironment("/nonexistent"), NO_COLOR: "1", TERM: "xterm" },
  }).stdout.replaceAll("\r", "");

describe("the commit of a run", () => {
  let petit: PetitOfRepository;
  let runId: string;
  let before: string;
  let now: string;
  beforeAll(async () => {
    petit = await startWithRepository({ "jobs/hello.yaml": JOB });
    before = petit.origin.git("rev-parse", "HEAD");
    runId = (await runToEnd(petit, "hello")).id;
  });
  afterAll(() => petit[Symbol.asyncDispose]());
  const status = async (id: string): Promise<string> => (await runPetit(["status", id, "--url", petit.url])).stdout;
  const pushed = async (): Promise<void> => {
    if (now !== undefined) return;
    now = petit.origin.push({ "jobs/hello.yaml": JOB, "note.txt": "later" });
    await post(petit, "/api/jobs/sync");
  };

  test("is in its status, which says if it is not the one in use", async () => {
    expect(await status(runId)).toContain(`\ncommit    ${before.slice(0, 8)}\n`);
    await pushed();
    expect(await status(runId)).toContain(
      `\ncommit    ${before.slice(0, 8)}, not the one in use, which is ${now.slice(0, 8)}\n`,
    );
  });

  test("in use is in petit status, with what is wrong with a newer one, who made it, and what to do", async () => {
    await pushed();
    const overview = async () => {
      const text = (await runPetit(["status", "--url", petit.url])).stdout;
      const json = JSON.parse((await runPetit(["status", "--json", "--url", petit.url])).stdout);
      return { text, json };
    };
    const good = await overview();
    expect(good.text).toContain(`\njob files: commit ${now.slice(0, 8)} of main\n`);
    expect(good.json.job_repository).toMatchObject({ commit: { id: now, author: "Ada" }, refused: null });
    const bad = petit.origin.push({ "jobs/hello.yaml": "id: hello\n" }, { author: "Grace" });
    await post(petit, "/api/jobs/sync");
    const { text, json } = await overview();
    expect(text).toContain(`\njob files: commit ${now.slice(0, 8)} of main; the newest is ${bad.slice(0, 8)}\n`);
    expect(text.replaceAll(/\s+/g, " ")).toMatch(
      new RegExp(`✗ petit .* commit refused ${bad.slice(0, 8)} by Grace is refused: hello\\.yaml:1:1: tasks: `),
    );
    expect(text).not.toContain("not healthy");
    expect(json.attention.items).toContainEqual(
      expect.objectContaining({
        id: `jobs_commit_refused:${bad}`,
        commit: bad,
        author: "Grace",
        in_use: now,
        message: expect.stringContaining(`; ${now.slice(0, 8)} stays in use until a commit mends it`),
      }),
    );
    await post(petit, "/api/jobs/pin", { commit: before });
    expect((await overview()).text).toContain(
      `\njob files: commit ${before.slice(0, 8)} of main, chosen; the newest is ${bad.slice(0, 8)}\n`,
    );
    await post(petit, "/api/jobs/pin", { commit: now });
  });

  test("is named by a retry, which says how to use the one in use instead", async () => {
    await pushed();
    const retried = inTerminal(["retry", runId, "--url", petit.url]);
    const [, name] = /run (\w+) retries it with commit (\w+); see 'petit status \1'\n/.exec(retried) ?? [];
    expect(retried).toContain(`retries it with commit ${before.slice(0, 8)};`);
    expect(retried).toContain(`--latest uses the commit in use, ${now.slice(0, 8)}\n`);
    expect(await status(name ?? "")).toContain(`\ncommit    ${before.slice(0, 8)}, not the one in use`);
    const latest = inTerminal(["retry", runId, "--latest", "--url", petit.url]);
    expect(latest).toMatch(
      new RegExp(`run \\w+ retries it with commit ${now.slice(0, 8)}; see 'petit status \\w+'$`, "m"),
    );
    expect(latest).not.toContain("--latest");
    const { body } = await post(petit, `/api/runs/${runId}/retry`);
    expect(body.message).toBe(`run ${runId} is retried by run ${body.run_id} with commit ${before.slice(0, 8)}`);
    expect((await ask(petit, `/api/runs/${body.run_id}`)).body.commit).toBe(before);
  });
});
