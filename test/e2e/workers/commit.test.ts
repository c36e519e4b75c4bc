import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { removeFolder } from "../../../src/app/git/checkout.ts";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { createOrigin } from "../../support/git/origin.ts";
import { hasNats, startNats } from "../../support/nats/server.ts";
import { ask, post, runToEnd, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const KEY = generateSigningKey();

const JOB = `id: number
runs_on: [gpu]
tasks:
  - {id: say, type: python, script: ../scripts/say.py}
  - {id: also, type: typescript, script: ../scripts/say.ts, depends_on: [say], condition: always}
`;

/** The scripts of a commit, which print its number. */
const numbered = (number: number, status: number) => ({
  "scripts/say.py": `print("python ${number}")\nraise SystemExit(${status})\n`,
  "scripts/say.ts": `console.log("typescript ${number}");\n`,
});

describe.skipIf(!hasNats("2.15"))("a worker of a petit whose job files are in git", () => {
  test("runs the scripts of the commit of a run, also of an earlier one after the branch has moved", async () => {
    using dir = tempDir();
    using home = tempDir();
    using _commits = { [Symbol.dispose]: () => removeFolder(dir.file("petit.db-git/commits")) };
    await using nats = await startNats();
    writeFileSync(dir.file("key"), formatSigningKey(KEY), { mode: 0o600 });
    const origin = createOrigin(dir.path);
    const first = origin.push({ "jobs/number.yaml": JOB, ...numbered(1, 1) });
    await using petit = await startPetit({
      repository: origin.url,
      dir: dir.path,
      args: [
        ...["--jobs-git-path", "jobs", "--jobs-git-poll", "1h"],
        ...["--nats", nats.url, "--nats-signing-key", dir.file("key")],
      ],
    });
    // The folder of the worker has neither the repository nor its commits.
    await using _worker = startWorkerProcess({
      dir: home.path,
      nats: nats.url,
      trust: KEY.publicKey,
      name: "box1",
      args: ["--on-shutdown", "leave"],
    });
    const failed = await runToEnd(petit, "number");
    expect(await linesOf(petit, failed.id)).toEqual(["python 1", "typescript 1"]);
    const second = origin.push(numbered(2, 0));
    expect((await post(petit, "/api/jobs/sync")).body.commit.id).toBe(second);
    const newest = await endOf(petit, await start(petit, "number"));
    expect(newest).toMatchObject({ status: "completed", commit: second });
    expect(await linesOf(petit, newest.id)).toEqual(["python 2", "typescript 2"]);
    const retryOf = async (body: object) =>
      await endOf(petit, (await post(petit, `/api/runs/${failed.id}/retry?from=start`, body)).body.run_id);
    const retried = await retryOf({});
    expect(retried).toMatchObject({ commit: first });
    expect(await linesOf(petit, retried.id)).toEqual(["python 1", "typescript 1"]);
    const latest = await retryOf({ latest: true });
    expect(latest).toMatchObject({ status: "completed", commit: second });
    expect(await linesOf(petit, latest.id)).toEqual(["python 2", "typescript 2"]);
    for (const { id } of [retried, latest]) {
      const { tasks } = (await ask(petit, `/api/runs/${id}/tasks`)).body;
      expect(tasks.map(({ workers }: { workers: readonly string[] }) => workers)).toEqual([["box1"], ["box1"]]);
    }
  });
});

const linesOf = async (petit: Petit, runId: string): Promise<readonly string[]> =>
  (await (await petit.fetch(`/api/runs/${runId}/logs`)).text()).trim().split("\n");
