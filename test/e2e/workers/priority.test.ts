import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { hasNats, NATS_VERSIONS, startNats } from "../../support/nats/server.ts";
import { ask, start } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endOf, eventually } from "../../support/torture/run.ts";
import { startWorkerProcess } from "../../support/workers/worker-process.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const GPU = "[gpu]";
const BIG = "[big]";

/** The order in which they begin to wait, and in which they start. */
const CASES = [
  {
    what: "of the same labels",
    waiting: [
      { id: "normal", priority: 0, labels: GPU },
      { id: "high", priority: 50, labels: GPU },
      { id: "low", priority: -50, labels: GPU },
    ],
    order: ["high", "normal", "low"],
  },
  {
    what: "of two sets of labels",
    waiting: [
      { id: "low", priority: -50, labels: BIG },
      { id: "normal", priority: 0, labels: GPU },
      { id: "older", priority: 50, labels: BIG },
      { id: "younger", priority: 50, labels: GPU },
    ],
    order: ["older", "younger", "normal", "low"],
  },
] as const;

describe.each(NATS_VERSIONS)("with nats-server %s, attempts that wait for the only slot", (version) => {
  test.skipIf(!hasNats(version)).each(
    CASES.flatMap((each) => [
      { ...each, isRestarted: false },
      { ...each, isRestarted: true },
    ]),
  )(
    "$what start by priority, then by age (petit is restarted: $isRestarted)",
    async ({ waiting, order, isRestarted }) => {
      using dir = tempDir();
      await using nats = await startNats({ version });
      const key = generateSigningKey();
      writeFileSync(dir.file("key"), formatSigningKey(key), { mode: 0o600 });
      const [busy, go, started] = [dir.file("busy"), dir.file("go"), dir.file("started")];
      const jobOf = (
        id: string,
        { priority, labels, script }: Record<"priority" | "labels" | "script", string>,
      ): string =>
        `id: ${id}\npriority: ${priority}\nruns_on: ${labels}\ntasks: [{id: only, type: shell, script: "${script}"}]\n`;
      const first = jobOf("first", {
        priority: "100",
        labels: GPU,
        // It also ends if the test fails and removes the folder.
        script: `touch ${busy}; while [ -e ${busy} -a ! -e ${go} ]; do sleep 0.05; done`,
      });
      const jobs = waiting.map(({ id, priority, labels }) => [
        `${id}.yaml`,
        jobOf(id, { priority: String(priority), labels, script: `echo ${id} >> ${started}` }),
      ]);
      const args = ["--nats", nats.url, "--nats-signing-key", dir.file("key")];
      await using before = await startPetit({ jobs: { "first.yaml": first, ...Object.fromEntries(jobs) }, args });
      await using _worker = startWorkerProcess({
        dir: dir.path,
        nats: nats.url,
        trust: key.publicKey,
        name: "box",
        args: ["--slots", "1", "--label", "big"],
      });
      const runs = [await start(before, "first")];
      await eventually("the slot is taken", async () => (existsSync(busy) ? true : null));
      for (const [index, { id }] of waiting.entries()) {
        runs.push(await start(before, id));
        await waitsFor(before, index + 1);
      }
      if (isRestarted) await before.kill();
      await using again = isRestarted ? await startPetit({ dir: before.dir, args }) : null;
      const petit = again ?? before;
      if (isRestarted) await waitsFor(petit, waiting.length);
      writeFileSync(go, "");
      for (const run of runs) expect((await endOf(petit, run)).status).toBe("completed");
      expect(readFileSync(started, "utf8").trim().split("\n")).toEqual([...order]);
    },
  );
});

const waitsFor = (petit: Petit, expected: number): Promise<true> =>
  eventually(`${expected} attempts wait`, async () => {
    const { body } = await ask(petit, "/api/workers");
    const counts: readonly number[] = body.waiting.map((each: { readonly count: number }) => each.count);
    return counts.reduce((sum, count) => sum + count, 0) === expected ? true : null;
  });
