import { describe, expect, test } from "bun:test";
import { startWithRepository } from "../support/git/petit.ts";
import { ask, post } from "../support/petit/api.ts";

const JOB = `id: hello\ntasks: [{id: only, type: command, command: "true"}]\n`;

/** Each has ten of the level below: a milliard of files in ten trees. */
const LEVELS = 9;

describe("a commit whose files can't be written", () => {
  test("is refused like one with problems, with its author, until the next one", async () => {
    await using petit = await startWithRepository({ "jobs/hello.yaml": JOB });
    const { origin } = petit;
    const good = origin.git("rev-parse", "HEAD");
    const blob = origin.makeBlob("1");
    let tree = origin.makeTree([["100644", "blob", blob, "f"]]);
    for (let level = 0; level < LEVELS; level++) {
      const below = tree;
      tree = origin.makeTree(Array.from({ length: 10 }, (_, n) => ["040000", "tree", below, `d${n}`] as const));
    }
    const jobs = origin.git("rev-parse", "HEAD:jobs");
    const bomb = origin.pushTree(
      origin.makeTree([
        ["040000", "tree", tree, "bomb"],
        ["040000", "tree", jobs, "jobs"],
      ]),
    );
    const expected = {
      commit: { id: good },
      failure: null,
      refused: {
        commit: { id: bomb, author: "Ada" },
        problems: [{ message: expect.stringContaining("100000 files") }],
      },
    };
    const { refused, ...state } = (await post(petit, "/api/jobs/sync")).body;
    expect({ refused, ...state }).toMatchObject(expected);
    expect((await post(petit, "/api/jobs/sync")).body.refused).toEqual(refused);
    const pinned = await post(petit, "/api/jobs/pin", { commit: bomb });
    expect(pinned).toMatchObject({ status: 409, body: { error: expect.stringContaining("100000 files") } });
    expect((await ask(petit, `/api/job-repository/diff?ref=${bomb}`)).body.problems).toMatchObject([
      { message: expect.stringContaining("100000 files") },
    ]);
    expect((await ask(petit, "/api/health")).body.reasons).toMatchObject([
      { code: "jobs_commit_refused", commit: bomb, author: "Ada" },
    ]);
    const mended = origin.push({ "note.txt": "1" });
    expect((await post(petit, "/api/jobs/sync")).body).toMatchObject({ commit: { id: mended }, refused: null });
  });
});
